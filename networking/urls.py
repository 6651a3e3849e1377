"""Addresses of the pages about networks."""

from __future__ import annotations

from django.urls import path

from networking.views import floating, groups, rules, traces

urlpatterns = [
    path("security-groups/", groups.group_list, name="group-list"),
    path("security-groups/new/", groups.group_create, name="group-create"),
    path("security-groups/trace/", traces.trace_new, name="trace"),
    path("security-groups/trace/<uuid:pk>/", traces.trace_detail, name="trace-detail"),
    path("security-groups/<uuid:pk>/", rules.group_detail, name="group-detail"),
    path("security-groups/<uuid:pk>/row/", groups.group_row, name="group-row"),
    path("security-groups/<uuid:pk>/edit/", groups.group_edit, name="group-edit"),
    path("security-groups/<uuid:pk>/delete/", groups.group_delete, name="group-delete"),
    path("security-groups/<uuid:pk>/rules/", rules.group_rules, name="group-rules"),
    path("security-groups/<uuid:pk>/warnings/", rules.group_warnings, name="group-warnings"),
    path("security-groups/<uuid:pk>/news/", rules.group_news, name="group-news"),
    path("security-groups/<uuid:pk>/interfaces/", rules.group_users, name="group-users"),
    path("floating-ips/", floating.floating_list, name="floating-list"),
    path("floating-ips/new/", floating.floating_allocate, name="floating-allocate"),
    path("floating-ips/<uuid:pk>/row/", floating.floating_row, name="floating-row"),
    path("floating-ips/<uuid:pk>/associate/", floating.floating_associate, name="floating-associate"),
    path("floating-ips/<uuid:pk>/disassociate/", floating.floating_disassociate, name="floating-disassociate"),
    path("floating-ips/<uuid:pk>/release/", floating.floating_release, name="floating-release"),
]
