"""Answers kept for clients that ask the same thing again."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from cloudia.accounts.models import User


class IdempotencyKey(models.Model):
    """One request that was carried out, and its answer: sealed, because it may show a token."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)  # keyed SHA-256 of method, address and body
    status = models.PositiveSmallIntegerField(null=True)
    location = models.CharField(max_length=255, blank=True)
    sealed_body = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return self.key
