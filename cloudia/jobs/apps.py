"""Jobs (작업): long operations on hypervisors, made to survive crashes."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    """Django's entry to the app."""

    name = "cloudia.jobs"
    label = "jobs"
    verbose_name = _("Jobs")

    def ready(self) -> None:
        """Add the pages of jobs to the console."""
        from django.urls import reverse  # noqa: PLC0415  # models are only loaded now

        from cloudia.jobs.views import active_badge  # noqa: PLC0415
        from cloudia.ui import links, nav  # noqa: PLC0415

        section = nav.Section.OPERATIONS
        nav.register_nav(section, _("Job status"), "list-check", "job-list", order=10, badge=active_badge)
        links.register("job", lambda pk: reverse("job-detail", args=[pk]), _("Open job"))
