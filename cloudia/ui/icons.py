"""The icons in use: Tabler's outline icons by name. ``make vendor`` makes ``static/img/icons.svg`` of them."""

from __future__ import annotations

_IN_USE = """
alert-circle alert-triangle arrow-back-up arrow-right arrows-maximize ban bolt briefcase calendar camera check
chevron-down chevron-left chevron-right chevron-up circle-check circle-dashed circle-x clock clock-pause
cloud-computing cloud-download copy cpu database disc dots-vertical external-link eye file-export filter folders
history home info-circle key language layout-dashboard layout-distribute-horizontal link list-check loader-2 lock
logout menu-2 moon network pencil player-pause player-play player-stop plug-connected plug-connected-x plus point
refresh route router search search-off selector server server-2 settings shield-check shield-half shield-lock
sort-ascending sort-descending stack-2 steering-wheel sun-moon template terminal-2 tool topology-star-3 transfer trash
unlink upload user user-circle users world x
"""
NAMES = frozenset(_IN_USE.split())
SPRITE = "img/icons.svg"
