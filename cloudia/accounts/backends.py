"""Who may log in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend

from cloudia.accounts.models import User


class PeopleBackend(ModelBackend):
    """Active people by user name and password. Service accounts have tokens and no sessions."""

    def user_can_authenticate(self, user: Any) -> bool:
        """Asked at log-in and again for every request of a session."""
        return isinstance(user, User) and user.is_active and not user.is_service
