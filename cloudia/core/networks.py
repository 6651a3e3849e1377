"""IP networks in the database and in Python: PostgreSQL's ``cidr`` and :mod:`ipaddress`."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, TypeAlias

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

Network: TypeAlias = IPv4Network | IPv6Network
LONGEST = 43  # characters of an IPv6 network


def parse_network(text: str) -> Network:
    """The network that ``text`` says. Raises ValidationError; set host bits have a message of their own."""
    try:
        return ip_network(text.strip())
    except ValueError:
        pass
    try:
        meant = ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValidationError(_("Enter a network, like 10.0.0.0/24."), code="invalid_cidr") from None
    message = _("The address has bits beyond its prefix. Did you mean %(network)s?")
    raise ValidationError(message, code="host_bits", params={"network": meant})


class CidrField(models.Field):  # type: ignore[type-arg]  # Django's fields are not generic at run time
    """An IP network, IPv4 or IPv6; compares and overlaps in SQL."""

    description = _("IP network")

    def db_type(self, connection: Any) -> str:
        """PostgreSQL's own type."""
        return "cidr"

    def from_db_value(self, value: str | None, _expression: Any, _connection: Any) -> Network | None:
        """Django leaves PostgreSQL's network types as text."""
        return None if value is None else ip_network(value)

    def to_python(self, value: Any) -> Network | None:
        """A network, from itself or its text."""
        if value in (None, "") or isinstance(value, IPv4Network | IPv6Network):
            return value or None
        return parse_network(str(value))

    def get_prep_value(self, value: Any) -> str | None:
        """Text, which PostgreSQL casts."""
        value = self.to_python(super().get_prep_value(value))
        return None if value is None else str(value)

    def value_to_string(self, obj: models.Model) -> str:
        """For fixtures."""
        return str(self.value_from_object(obj))

    def formfield(self, **kwargs: Any) -> Any:
        """A line of text."""
        return super().formfield(**{"form_class": forms.CharField, "max_length": LONGEST, **kwargs})
