import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("instances", "0003_interfaces"), ("storage", "0002_content")]

    operations = [
        migrations.CreateModel(
            name="InstanceMount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("mount_path", models.CharField(max_length=255, verbose_name="mount path")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "filesystem",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="mounts", to="storage.filesystem"
                    ),
                ),
                (
                    "instance",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="mounts", to="instances.instance"
                    ),
                ),
            ],
            options={
                "ordering": ["mount_path"],
                "constraints": [
                    models.UniqueConstraint(fields=("instance", "filesystem"), name="filesystem_mounted_once"),
                    models.UniqueConstraint(fields=("instance", "mount_path"), name="mount_path_once"),
                ],
            },
        ),
    ]
