"""``ETag`` on read, ``If-Match`` on change: nobody overwrites what somebody else has just edited.

The tag is of what can be edited, so it does not change because a guest was switched on meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext as _
from rest_framework.request import Request

from cloudia.api.errors import PreconditionFailed


def etag_of(facts: Mapping[str, Any]) -> str:
    """A tag of what can be edited, with the quotes it has in the header."""
    text = json.dumps(facts, cls=DjangoJSONEncoder, sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def check_if_match(request: Request, etag: str) -> None:
    """Raise PreconditionFailed if the request names other tags than ``etag``."""
    header = request.headers.get("If-Match", "*").strip()
    wanted = {tag.strip() for tag in header.split(",")}
    if header != "*" and etag not in wanted:
        raise PreconditionFailed(_("It was changed by somebody else meanwhile. Read it again."))
