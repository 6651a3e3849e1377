"""What goes wrong with what people bring."""

from __future__ import annotations

from cloudia.core.errors import OperationFailed


class BadImage(OperationFailed):
    """A file that can't be an image here; the message says why."""

    code = "bad_image"
