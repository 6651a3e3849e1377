"""Jobs (작업): long operations on hypervisors, made to survive crashes."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    """Django's entry to the app."""

    name = "cloudia.jobs"
    label = "jobs"
    verbose_name = _("Jobs")
