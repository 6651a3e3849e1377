"""Django-admin as the operators' desk: our models only. Apart from apps.py, where Django looks for our own app."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig

# Django's groups, the queue's own tables and the throttle's counters: nothing here is worked with by hand.
HIDDEN_APPS = frozenset({"auth", "django_q", "axes"})


class OperatorAdminConfig(AdminConfig):
    """Django's admin with our site, and without the models of libraries."""

    default = False
    default_site = "cloudia.accounts.admin_site.OperatorSite"

    def ready(self) -> None:
        """Find every app's admin, then put away what operators don't need."""
        super().ready()
        from django.contrib.admin import site  # noqa: PLC0415  # needs the app registry

        for model in list(site._registry):
            if model._meta.app_label in HIDDEN_APPS:
                site.unregister(model)
