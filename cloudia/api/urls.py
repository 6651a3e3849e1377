"""Addresses below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path, re_path
from django.utils.module_loading import autodiscover_modules
from drf_spectacular.views import SpectacularAPIView

from cloudia.api.router import nowhere, router

autodiscover_modules("api")

app_name = "api"
urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    *router.urls,
    re_path("", nowhere),
]
