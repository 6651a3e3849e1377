"""Addresses of the pages of instance types."""

from __future__ import annotations

from django.urls import path

from instances.views import types

urlpatterns = [
    path("", types.type_list, name="type-list"),
    path("new/", types.type_create, name="type-create"),
    path("<uuid:pk>/row/", types.type_row, name="type-row"),
    path("<uuid:pk>/edit/", types.type_edit, name="type-edit"),
    path("<uuid:pk>/delete/", types.type_delete, name="type-delete"),
]
