"""Announce jobs to open pages."""

from django.db import migrations

from cloudia.core.live import FUNCTION, live_trigger


class Migration(migrations.Migration):
    """The trigger function of all apps is made here, in the lowest app that shows something."""

    dependencies = [("jobs", "0001_initial")]
    operations = [FUNCTION, live_trigger("jobs_job", "job", ["status", "progress", "step", "error_code"])]
