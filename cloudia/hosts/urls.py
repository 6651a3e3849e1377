"""Addresses of the operators' pages of hosts."""

from __future__ import annotations

from django.urls import path

from cloudia.hosts import views

urlpatterns = [
    path("", views.host_list, name="host-list"),
    path("<uuid:pk>/<slug:name>/", views.host_action, name="host-action"),
]
