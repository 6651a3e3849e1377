"""Resources under ``/api/v1/``. Apps register theirs in their ``api.py``, as they do with Django's admin."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import extend_schema
from rest_framework.routers import APIRootView, DefaultRouter

from cloudia.api.errors import not_found_detail


@extend_schema(exclude=True)
class Root(APIRootView):
    """CloudiA's API. A machine-readable description is at `schema/`."""

    def get_view_name(self) -> str:
        """Its title in the browsable API."""
        return "CloudiA API"


@csrf_exempt
def nowhere(request: HttpRequest) -> JsonResponse:
    """Every other address, however it is asked for: an error in the API's own shape."""
    return JsonResponse({"code": "not_found", "detail": not_found_detail()}, status=404)


class Router(DefaultRouter):
    """Trailing slashes, no format suffixes."""

    include_format_suffixes = False
    APIRootView = Root


router = Router()
