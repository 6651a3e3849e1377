"""The components of ``components/*.html`` as template tags. A misspelt argument fails when the template is compiled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from django.forms import BoundField
from django.template import Context, Library
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from cloudia.accounts.quotas import shown
from cloudia.core.policy import Text, Verdict
from cloudia.ui import icons, links, tabs
from cloudia.ui.listing import Listing
from cloudia.ui.rows import actions_json
from cloudia.ui.toolbar import ListAction
from cloudia.ui.widgets import dress

register = Library()
register.filter("actions_json", actions_json)

TONES = frozenset({"ok", "busy", "warn", "bad", "idle", "info"})
TONE_ICONS = {"ok": "circle-check", "warn": "alert-triangle", "bad": "alert-circle", "info": "info-circle"}
MESSAGE_TONES = {"error": "bad", "warning": "bad"}  # stays until closed
SPINNING = frozenset({"loader-2", "refresh"})  # while busy; other icons would look silly


@register.filter
def message_tone(level: str) -> str:
    """The tone of a notice for the level of one of Django's messages."""
    return MESSAGE_TONES.get(level, "ok")


@register.filter
def minutes(span: dt.timedelta) -> int:
    """A span of time in whole minutes, at least one."""
    return max(1, round(span.total_seconds() / 60))


@register.simple_tag
def icon(name: str, *, small: bool = False, spin: bool = False) -> SafeString:
    """A picture from the sprite. Raises ValueError for one that ``cloudia.ui.icons`` does not name."""
    return _icon(name, small, spin)


@cache  # a list has hundreds of them, of a few kinds
def _icon(name: str, small: bool, spin: bool) -> SafeString:
    if name not in icons.NAMES:
        raise ValueError(f"no icon {name!r} in cloudia.ui.icons")
    classes = "icon" + (" icon-s" if small else "") + (" spin" if spin else "")
    href = static(icons.SPRITE)
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}#{}"></use></svg>', classes, href, name)


@register.inclusion_tag("components/state.html")
def state(obj: Any, *, bar: bool = False, name: str = "") -> dict[str, Any]:
    """The status as icon, words and tone.

    ``obj`` has a ``display_state``, or is one: ``label``, ``icon``, ``tone``, and if it likes ``progress`` (percent)
    and ``note``. ``bar`` draws the progress beneath; ``name`` says whose it is to a screen reader.
    """
    shown = getattr(obj, "display_state", obj)
    progress = getattr(shown, "progress", None)
    return {
        "label": shown.label,
        "icon": shown.icon,
        "tone": _tone(shown.tone),
        "note": getattr(shown, "note", ""),
        "progress": progress,
        "spin": shown.tone == "busy" and shown.icon in SPINNING,
        "bar": bar and progress is not None,
        "name": name,
    }


@register.inclusion_tag("components/action.html")
def action(
    verdict: Verdict, *, dialog: str = "", href: str = "", primary: bool = False, up: bool = False, label: Text = ""
) -> dict[str, Any]:
    """A button for one object: opens a ``dialog`` fragment or goes to ``href``; if denied it says why.

    ``up`` shows the reason above the button.
    """
    return _verdict(verdict, label) | {"dialog": dialog, "href": href, "style": _style(verdict, primary), "up": up}


@register.inclusion_tag("components/menu_action.html")
def menu_action(verdict: Verdict, *, dialog: str = "", href: str = "", phone: bool = False) -> dict[str, Any]:
    """The same as an item of a dropdown menu, with the reason beneath. ``phone``: only on small screens."""
    return _verdict(verdict) | {"dialog": dialog, "href": href, "phone": phone}


@register.inclusion_tag("components/toolbar.html")
def toolbar(items: Sequence[ListAction], *, label: Text) -> dict[str, Any]:
    """Buttons that act on the selected rows of the ``[data-list]`` around them; on a phone a dock and a sheet.

    Each row carries ``data-id``, ``data-actions`` (``{{ verdicts|actions_json }}``) and a checkbox.
    """
    groups = [list(group) for _, group in groupby(items, key=lambda item: item.group)]
    return {"items": items, "groups": groups, "label": label, "nil_id": links.NIL_ID}


@register.inclusion_tag("components/copy.html")
def copy(text: Any, *, label: Text, plain: bool = False) -> dict[str, Any]:
    """A text with a button that copies it. ``label`` says what it is; ``plain`` shows it without the fixed width."""
    return {"text": str(text), "label": label, "plain": plain}


@register.inclusion_tag("components/tag.html")
def tag(text: Text, *, accent: bool = False, href: str = "") -> dict[str, Any]:
    """A small label, with ``href`` a link."""
    return {"text": text, "accent": accent, "href": href}


@register.inclusion_tag("components/bar.html")
def bar(label: Text, *, value: int | None = None, thin: bool = False, tone: str = "busy") -> dict[str, Any]:
    """Progress in percent; without a ``value`` it only says that it goes on."""
    return {"label": label, "value": value, "thin": thin, "tone": _tone(tone)}


@register.inclusion_tag("components/quota.html")
def quota(label: Text, *, used: float, limit: int, request: float = 0, unit: Text = "") -> dict[str, Any]:
    """What is used of a limit (grey) and what this ``request`` adds (accent)."""
    whole = max(limit, 1)
    parts = {"used_percent": min(100, round(100 * used / whole, 1))}
    parts["own_percent"] = min(100 - parts["used_percent"], round(100 * request / whole, 1))
    numbers = {"used": shown(used), "limit": limit, "request": shown(request)}
    return {"label": label, "unit": unit, "over": used + request > limit, **numbers, **parts}


@register.inclusion_tag("components/when.html")
def when(moment: dt.datetime | None, *, seconds: bool = False) -> dict[str, Any]:
    """A moment in the reader's time zone, with the zone on hover; a dash for None."""
    if moment is None:
        return {"moment": None}
    local = timezone.localtime(moment)
    return {
        "moment": local,
        "shown": date_format(local, "Y-m-d H:i:s" if seconds else "Y-m-d H:i"),
        "exact": date_format(local, "Y-m-d H:i:s T"),
    }


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, *, mono: bool = False, hint: Text = "") -> dict[str, Any]:
    """A form field with its label, hint and errors, tied together for screen readers."""
    return {"field": bound, "widget": dress(bound, mono=mono), "hint": hint or bound.help_text}


@register.inclusion_tag("components/column.html", takes_context=True)
def column(context: Context, label: Text, *, key: str = "", number: bool = False) -> dict[str, Any]:
    """A table head; with ``key`` it sorts the ``listing`` in the context, keeping the rest of the address."""
    if not key:
        return {"label": label, "number": number}
    current = context["listing"].sort
    return {
        "label": label,
        "number": number,
        "key": key,
        "order": {key: "ascending", f"-{key}": "descending"}.get(current, ""),
        "href": query(context, sort=f"-{key}" if current == key else key, page=None),
    }


@register.inclusion_tag("components/pages.html", takes_context=True)
def pages(context: Context, listing: Listing[Any]) -> dict[str, Any]:
    """The foot of a list: whether it is live, which rows of how many, and the other pages."""
    hrefs = {number: query(context, page=number) for number in listing.page_numbers}
    page = listing.page
    return {
        "listing": listing,
        "page": page,
        "hrefs": hrefs,
        "ellipsis": page.paginator.ELLIPSIS,
        "next": query(context, page=page.next_page_number()) if page.has_next() else "",
        "previous": query(context, page=page.previous_page_number()) if page.has_previous() else "",
    }


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: Any) -> str:
    """This page's query string with some values changed; None removes one."""
    values = context["request"].GET.copy()
    for key, value in changes.items():
        if value is None:
            values.pop(key, None)
        else:
            values[key] = value
    return f"?{values.urlencode()}"


@register.inclusion_tag("components/tabs.html", takes_context=True)
def detail_tabs(context: Context, page: str, obj: Any, *, label: Text) -> dict[str, Any]:
    """The registered tabs of a detail page; the selected one is fetched at once, the others when opened."""
    request = context["request"]
    shown = tabs.tabs_for(page, obj, request.actor, request.GET.get("tab", ""))
    selected = next((item for item in shown if item.selected), None)
    items = [(item, query(context, tab=item.key)) for item in shown]
    return {"page": page, "label": label, "items": items, "selected": selected}


@register.simple_block_tag
def alert(content: str, *, tone: str, title: Text = "", small: bool = False, role: str = "") -> SafeString:
    """A box with a message. ``role="alert"`` is read out at once; ``small`` has no space beneath."""
    values = {"content": content, "tone": _tone(tone), "icon": TONE_ICONS[tone], "title": title, "small": small}
    return _render("components/alert.html", values | {"role": role})


@register.simple_block_tag
def empty(content: str, *, icon: str, title: Text, text: Text = "", small: bool = False, level: int = 2) -> SafeString:
    """What a list shows when it has nothing; inside the block: what to do next. ``level`` is the heading's."""
    values = {"content": content, "icon": icon, "title": title, "text": text, "small": small, "level": level}
    return _render("components/empty.html", values)


@register.simple_block_tag
def facts(content: str, *, one: bool = False) -> SafeString:
    """A list of ``{% fact %}``, in columns or in ``one``."""
    return format_html('<dl class="facts{}">{}</dl>', " one" if one else "", content)


@register.simple_block_tag
def fact(content: str, label: Text) -> SafeString:
    """One name with its value."""
    return format_html("<div><dt>{}</dt><dd>{}</dd></div>", label, content)


@register.simple_block_tag
def note(content: str, *, icon: str = "lock", tone: str = "info") -> SafeString:
    """A line under a toolbar that says something once."""
    return _render("components/note.html", {"content": content, "icon": icon, "tone": _tone(tone)})


@register.inclusion_tag("components/target.html")
def target(obj: Any, *, icon: str, sub: Text = "") -> dict[str, Any]:
    """What a dialog is about: its name, ``sub`` (its id) and its state, if it has one."""
    return {"obj": obj, "icon": icon, "sub": sub, "has_state": hasattr(obj, "display_state")}


def _tone(tone: str) -> str:
    if tone not in TONES:
        raise ValueError(f"no tone {tone!r}: one of {', '.join(sorted(TONES))}")
    return tone


def _verdict(verdict: Verdict, label: Text = "") -> dict[str, Any]:
    denial = verdict.denial
    return {
        "action": verdict.action,
        "label": label or verdict.action.label,
        "denial": denial,
        "link": links.holder_link(denial.holder) if denial else None,
    }


def _style(verdict: Verdict, primary: bool) -> str:
    if verdict.denial is None and primary:
        return "btn-primary"
    return "btn-outline-danger" if verdict.action.destructive else ""


def _render(template: str, values: Mapping[str, Any]) -> SafeString:
    from django.template.loader import render_to_string  # noqa: PLC0415  # only once the engine has loaded this library

    return render_to_string(template, dict(values))
