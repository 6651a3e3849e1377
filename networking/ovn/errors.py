"""What can go wrong with OVN's databases."""

from __future__ import annotations

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import CloudiaError, OperationFailed, TransientError


class NetworkUnreachable(TransientError):
    """OVN did not answer in time: HTTP 503."""

    code = "network_unreachable"


class NetworkRejected(OperationFailed):
    """OVN answered, and refused what was written or asked; the message has its words."""

    code = "network_rejected"


class ForeignNetwork(CloudiaError):
    """The northbound database belongs to another installation of CloudiA."""

    code = "network_foreign"


class TooManyDeletions(CloudiaError):
    """Most of the network would go at once, which is more likely a mistake than a wish."""

    code = "network_mass_deletion"


def refused(reason: object) -> NetworkRejected:
    """OVN's own words for why it did not do something."""
    return NetworkRejected(format_lazy(_("The network refused: {reason}"), reason=str(reason)))


def silent(remote: str) -> NetworkUnreachable:
    """A database did not answer in time."""
    return NetworkUnreachable(format_lazy(_("The network does not answer ({remote})."), remote=remote))
