"""The first user of a guest and its scripts as the API shows and takes them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from cloudia.api.fields import Input, Text, Whole
from instances.enums import ScriptStage
from instances.guest_wishes import (
    DEFAULT_USERNAME,
    MAX_KEY,
    MAX_KEYS,
    MAX_PASSWORD,
    MAX_SCRIPT_NAME,
    MAX_SCRIPTS,
    MAX_USERNAME,
    GuestWish,
    ScriptWish,
)
from instances.models import InstanceGuest, UserScript

MASK = "********"


class GuestSerializer(serializers.Serializer[InstanceGuest]):
    """The first user of the guest. The password is never shown, not even its length."""

    username = serializers.CharField(read_only=True)
    password = serializers.SerializerMethodField()

    def get_password(self, guest: InstanceGuest) -> str:
        """The same for every password."""
        return MASK


class ScriptSerializer(serializers.Serializer[UserScript]):
    """A script that runs once in the guest; ``path`` is where it is there."""

    order = serializers.IntegerField(source="number", read_only=True)
    name = serializers.CharField(read_only=True)
    path = serializers.CharField(read_only=True)
    stage = serializers.ChoiceField(choices=ScriptStage.choices, read_only=True)
    content = serializers.CharField(read_only=True)


class ScriptInput(Input):
    """A script. The list is the order of running; who gives ``order`` as well must give it rising."""

    name = Text(max_length=MAX_SCRIPT_NAME)
    order = Whole(min_value=1, max_value=1000, required=False)
    stage = serializers.ChoiceField(choices=ScriptStage.choices, default=ScriptStage.BOOT)
    content = Text(trim_whitespace=False)


class GuestInput(Input):
    """The first user, by default ``cloudia``. Without a password it gets the default one, which the guest asks to
    change at the first login."""

    username = Text(max_length=MAX_USERNAME, default=DEFAULT_USERNAME)
    password = Text(max_length=MAX_PASSWORD, trim_whitespace=False, allow_blank=True, default="", write_only=True)
    ssh_keys = serializers.ListField(child=Text(max_length=MAX_KEY), max_length=MAX_KEYS, default=list)
    scripts = serializers.ListField(child=ScriptInput(), max_length=MAX_SCRIPTS, default=list)

    def validate_scripts(self, scripts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """One order, not two."""
        orders = [script["order"] for script in scripts if "order" in script]
        if any(this >= following for this, following in pairwise(orders)):
            raise serializers.ValidationError(_("List the scripts in the order of their numbers."), "not_ascending")
        return scripts


def guest_wish(data: dict[str, Any] | None) -> GuestWish:
    """A parsed :class:`GuestInput` as the service takes it, or the default."""
    if data is None:
        return GuestWish()
    scripts = (ScriptWish(script["name"], script["stage"], script["content"]) for script in data["scripts"])
    return GuestWish(data["username"], data["password"], tuple(data["ssh_keys"]), tuple(scripts))
