"""Addresses: pages, API, live updates, admin."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from cloudia.ui.live import live

urlpatterns = [
    path("admin/", admin.site.urls),
    path("live/", live, name="live"),
]
