"""The page of errors that nobody foresaw."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views.decorators.csrf import requires_csrf_token
from django.views.defaults import server_error

from cloudia.core.postgresql.outages import RETRY_AFTER_S, is_outage


@requires_csrf_token
def server_failed(request: HttpRequest) -> HttpResponse:
    """Django's ``handler500``: 503 while the database does not answer, 500 for all else."""
    if not is_outage(sys.exc_info()[1]):
        return server_error(request)
    page = loader.render_to_string("503.html")  # without the request: what pages show of it is in the database
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
