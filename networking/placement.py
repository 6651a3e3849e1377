"""Which hosts guests with interfaces can run on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cloudia.core.policy import Text
from cloudia.hosts.models import Host


def has_network(host: Host) -> Text | None:
    """Why guests can't be connected there, or None. A host is a chassis of OVN, or it has no network."""
    return None if getattr(host, "network", None) else _("is not connected to the network (OVN)")
