"""Lists as files for spreadsheets."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpResponse

from cloudia.core.policy import Text

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # https://owasp.org/www-community/attacks/CSV_Injection
BYTE_ORDER_MARK = "\ufeff"  # without it, spreadsheets take Korean for another encoding


def csv_response(name: str, header: Sequence[Text], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """A download called ``name``.csv. Text that a spreadsheet would run as a formula gets an apostrophe in front."""
    response = HttpResponse(BYTE_ORDER_MARK, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    writer = csv.writer(response)
    writer.writerow(header)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return response


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
