"""Images as the API shows them."""

from __future__ import annotations

from rest_framework import serializers

from cloudia.api.fields import Reference, Time
from storage.enums import ImageStatus
from storage.models import Image


class ImageSerializer(serializers.Serializer[Image]):
    """An image; ``project`` null: offered to all. ``minimum_gib``: the smallest boot disk that holds it."""

    id = serializers.UUIDField(read_only=True)
    short_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    project = Reference(read_only=True, allow_null=True)
    os_type = serializers.CharField(read_only=True)
    os_version = serializers.CharField(read_only=True)
    status = serializers.ChoiceField(choices=ImageStatus.choices, read_only=True)
    deprecated = serializers.BooleanField(read_only=True)
    virtual_bytes = serializers.IntegerField(read_only=True)
    file_bytes = serializers.IntegerField(read_only=True)
    minimum_gib = serializers.IntegerField(read_only=True)
    sha256 = serializers.CharField(read_only=True)
    storage_domain = Reference(read_only=True)
    created_at = Time(read_only=True)
