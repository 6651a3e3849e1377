"""Resources under ``/api/v1/``. Apps register theirs in their ``api.py``, as they do with Django's admin."""

from __future__ import annotations

from typing import Any, NoReturn

from django.http import Http404
from django.urls import URLPattern, re_path
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.routers import APIRootView, DefaultRouter
from rest_framework.views import APIView


@extend_schema(exclude=True)
class Root(APIRootView):
    """CloudiA's API. A machine-readable description is at `schema/`."""

    def get_view_name(self) -> str:
        """Its title in the browsable API."""
        return "CloudiA API"


@extend_schema(exclude=True)
class Nowhere(APIView):
    """Every other address: an error in the API's own shape."""

    permission_classes = [AllowAny]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> NoReturn:
        """Whatever is asked for, and however: it is not here."""
        raise Http404


class Router(DefaultRouter):
    """Trailing slashes, no format suffixes."""

    include_format_suffixes = False
    APIRootView = Root

    @property
    def nowhere(self) -> URLPattern:
        """The last address pattern."""
        return re_path(r"", Nowhere.as_view())


router = Router()
