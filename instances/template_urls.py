"""Addresses of the pages of launch templates."""

from __future__ import annotations

from django.urls import path

from instances.views import templates

urlpatterns = [
    path("", templates.template_list, name="template-list"),
    path("new/", templates.template_create, name="template-create"),
    path("<uuid:pk>/row/", templates.template_row, name="template-row"),
    path("<uuid:pk>/launch/", templates.template_launch, name="template-launch"),
    path("<uuid:pk>/edit/", templates.template_edit, name="template-edit"),
    path("<uuid:pk>/delete/", templates.template_delete, name="template-delete"),
]
