"""The site that django-admin shows to operators."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _


class OperatorSite(AdminSite):
    """Its titles."""

    site_header = site_title = _("CloudiA administration")
    index_title = _("Installation")
