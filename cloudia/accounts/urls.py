"""Addresses of one's own account."""

from __future__ import annotations

from django.urls import path

from cloudia.accounts import views

urlpatterns = [
    path("", views.account, name="account"),
    path("password/", views.password_change, name="password-change"),
    path("tokens/", views.token_create, name="token-create"),
    path("tokens/<uuid:pk>/revoke/", views.token_revoke, name="token-revoke"),
]
