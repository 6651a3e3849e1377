"""Addresses below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path
from django.utils.module_loading import autodiscover_modules
from drf_spectacular.views import SpectacularAPIView

from cloudia.api.router import router

autodiscover_modules("api")

app_name = "api"
urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    *router.urls,
    router.nowhere,
]
