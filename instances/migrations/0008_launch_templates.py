"""Launch templates, and which one an instance was made of."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from cloudia.core.live import live_trigger


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_quotas"),
        ("instances", "0007_affinity"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LaunchTemplate",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=128, verbose_name="name")),
                ("description", models.CharField(blank=True, max_length=255, verbose_name="description")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                ("content", models.JSONField(default=dict, editable=False, verbose_name="content")),
                (
                    "created_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="launch_templates",
                        to="accounts.project",
                        verbose_name="project",
                    ),
                ),
            ],
            options={
                "verbose_name": "launch template",
                "verbose_name_plural": "launch templates",
                "ordering": ["name"],
            },
        ),
        migrations.AddField(
            model_name="instance",
            name="launch_template",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="instances",
                to="instances.launchtemplate",
                verbose_name="launch template",
            ),
        ),
        migrations.AddConstraint(
            model_name="launchtemplate",
            constraint=models.UniqueConstraint(fields=("project", "name"), name="template_name_once"),
        ),
        live_trigger("instances_launchtemplate", "launchtemplate", ["name", "description"]),
    ]
