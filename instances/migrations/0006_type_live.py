"""Announce instance types to open pages."""

from django.db import migrations

from cloudia.core.live import live_trigger

SHOWN = ["name", "description", "vcpus", "memory_mib", "active"]


class Migration(migrations.Migration):
    dependencies = [("instances", "0005_cloud_init")]
    operations = [live_trigger("instances_instancetype", "instancetype", SHOWN)]
