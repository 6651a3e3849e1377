"""Addresses: pages, API, live updates, admin."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from cloudia.ui.search import search

handler500 = "cloudia.ui.server_errors.server_failed"

urlpatterns = [
    path("", include("cloudia.ui.urls")),
    path("search/", search, name="search"),
    path("instances/", include("instances.urls")),
    path("affinity-groups/", include("instances.affinity_urls")),
    path("instance-types/", include("instances.type_urls")),
    path("launch-templates/", include("instances.template_urls")),
    path("", include("storage.urls")),
    path("", include("networking.urls")),
    path("jobs/", include("cloudia.jobs.urls")),
    path("hosts/", include("cloudia.hosts.urls")),
    path("account/", include("cloudia.accounts.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("cloudia.api.urls")),
]
