"""Announce hosts to open pages."""

from django.db import migrations

from cloudia.core.live import live_trigger

SHOWN = ["name", "state", "reachable", "problem_texts", "cpus", "memory_mib", "accelerator_choice", "accelerators"]


class Migration(migrations.Migration):
    """``last_seen_at`` is left out: it changes with every look."""

    dependencies = [("hosts", "0001_initial"), ("jobs", "0002_live")]
    operations = [live_trigger("hosts_host", "host", SHOWN)]
