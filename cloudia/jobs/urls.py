"""Addresses of the pages of jobs."""

from __future__ import annotations

from django.urls import path

from cloudia.jobs import views

urlpatterns = [
    path("", views.job_list, name="job-list"),
    path("<uuid:pk>/", views.job_detail, name="job-detail"),
    path("<uuid:pk>/row/", views.job_row, name="job-row"),
    path("<uuid:pk>/notice/", views.job_toast, name="job-toast"),
    path("<uuid:pk>/<slug:name>/", views.job_action, name="job-action"),
]
