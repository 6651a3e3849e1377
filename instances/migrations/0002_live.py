"""Announce instances to open pages."""

from django.db import migrations

from cloudia.core.live import live_trigger

SHOWN = ["name", "description", "power_state", "current_job_id", "host_id", "vcpus", "memory_mib"]


class Migration(migrations.Migration):
    """``observed_at`` is left out: it changes with every look."""

    dependencies = [("instances", "0001_initial"), ("jobs", "0002_live")]
    operations = [live_trigger("instances_instance", "instance", SHOWN)]
