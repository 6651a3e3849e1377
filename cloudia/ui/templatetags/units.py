"""Sizes and durations for people."""

from __future__ import annotations

import datetime as dt

from django.template import Library
from django.utils import timezone
from django.utils.translation import gettext as _

register = Library()

KIB = 1024


@register.filter
def memory(mib: int) -> str:
    """MiB, in GiB where that is a round number of quarters: ``1536`` is 1.5 GiB."""
    return f"{mib / KIB:g} GiB" if mib >= KIB and mib % (KIB // 4) == 0 else f"{mib} MiB"


@register.filter
def size(count: int) -> str:
    """Bytes in the largest unit that leaves at least one: 512 MiB, 2.4 GiB."""
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= KIB and len(units) > 1:
        value, units = value / KIB, units[1:]
    return f"{value:.1f} {units[0]}".replace(".0 ", " ")


@register.filter
def duration(length: dt.timedelta) -> str:
    """A length of time in its two largest units, down to seconds."""
    seconds = int(length.total_seconds())
    if seconds < 60:
        return _("%(s)s s") % {"s": seconds}
    if seconds < 3600:
        return _("%(m)s min %(s)s s") % {"m": seconds // 60, "s": seconds % 60}
    return _("%(h)s h %(m)s min") % {"h": seconds // 3600, "m": seconds % 3600 // 60}


@register.filter
def ago(moment: dt.datetime) -> str:
    """How long ago it was."""
    return duration(timezone.now() - moment)
