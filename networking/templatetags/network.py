"""What every page about networks says: whether they are in effect."""

from __future__ import annotations

from django.template import Library

from networking.selectors import Effect, effect_now

register = Library()


@register.simple_tag
def effect() -> Effect:
    """Whether changes wait, and why."""
    return effect_now()
