"""Addresses of the pages about networks."""

from __future__ import annotations

from django.urls import path

from networking.views import effect, floating, groups, rules, subnets, traces, vpcs

urlpatterns = [
    path("networks/effect/", effect.network_effect, name="network-effect"),
    path("vpcs/", vpcs.vpc_list, name="vpc-list"),
    path("vpcs/new/", vpcs.vpc_create, name="vpc-create"),
    path("vpcs/<uuid:pk>/", vpcs.vpc_detail, name="vpc-detail"),
    path("vpcs/<uuid:pk>/row/", vpcs.vpc_row, name="vpc-row"),
    path("vpcs/<uuid:pk>/edit/", vpcs.vpc_edit, name="vpc-edit"),
    path("vpcs/<uuid:pk>/delete/", vpcs.vpc_delete, name="vpc-delete"),
    path("subnets/", subnets.subnet_list, name="subnet-list"),
    path("subnets/new/", subnets.subnet_create, name="subnet-create"),
    path("subnets/check/", subnets.subnet_check, name="subnet-check"),
    path("subnets/<uuid:pk>/", subnets.subnet_detail, name="subnet-detail"),
    path("subnets/<uuid:pk>/row/", subnets.subnet_row, name="subnet-row"),
    path("subnets/<uuid:pk>/edit/", subnets.subnet_edit, name="subnet-edit"),
    path("subnets/<uuid:pk>/delete/", subnets.subnet_delete, name="subnet-delete"),
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
