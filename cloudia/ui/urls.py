"""Addresses of what every page needs: log in and out, language, search, live updates, and the way home."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import include, path

from cloudia.ui import views
from cloudia.ui.live import live
from cloudia.ui.search import search

urlpatterns = [
    path("", views.home, name="home"),
    path("login/", views.Login.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("search/", search, name="search"),
    path("live/", live, name="live"),
    path("i18n/", include("django.conf.urls.i18n")),
]
