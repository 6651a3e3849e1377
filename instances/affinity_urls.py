"""Addresses of the pages of affinity groups."""

from __future__ import annotations

from django.urls import path

from instances.views import affinity

urlpatterns = [
    path("", affinity.affinity_list, name="affinity-list"),
    path("new/", affinity.affinity_create, name="affinity-create"),
    path("<uuid:pk>/row/", affinity.affinity_row, name="affinity-row"),
    path("<uuid:pk>/edit/", affinity.affinity_edit, name="affinity-edit"),
    path("<uuid:pk>/delete/", affinity.affinity_delete, name="affinity-delete"),
]
