"""Announce storage to open pages."""

from django.db import migrations

from cloudia.core.live import live_trigger

IMAGE = ["name", "description", "project_id", "os_type", "os_version", "status", "deprecated", "current_job_id"]
VOLUME = ["name", "description", "size_gib", "status", "current_job_id"]
FILESYSTEM = ["name", "description", "size_gib", "subnet_id", "current_job_id"]
DOMAIN = ["name", "media", "over_commit"]


class Migration(migrations.Migration):
    """Room left in a domain changes with every look: pages show it as of when they were opened."""

    dependencies = [("storage", "0002_content"), ("networking", "0002_triggers")]
    operations = [
        live_trigger("storage_image", "image", IMAGE),
        live_trigger("storage_volume", "volume", VOLUME),
        live_trigger("storage_filesystem", "filesystem", FILESYSTEM),
        live_trigger("storage_storagedomain", "storagedomain", DOMAIN),
    ]
