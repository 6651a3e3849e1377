import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("instances", "0004_mounts"),
    ]

    operations = [
        migrations.CreateModel(
            name="InstanceGuest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("username", models.CharField(max_length=32, verbose_name="user name")),
                ("password_hash", models.CharField(blank=True, editable=False, max_length=128)),
                ("ssh_keys", models.TextField(blank=True, verbose_name="SSH keys")),
                (
                    "instance",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="guest", to="instances.instance"
                    ),
                ),
            ],
            options={
                "verbose_name": "first user",
                "verbose_name_plural": "first users",
            },
        ),
        migrations.CreateModel(
            name="UserScript",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(verbose_name="order")),
                ("name", models.CharField(max_length=64, verbose_name="file name")),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("boot", "Boot (at the end of the first start)"),
                            ("pre-network", "Pre-network (first start, before the network)"),
                        ],
                        default="boot",
                        max_length=16,
                        verbose_name="stage",
                    ),
                ),
                ("content", models.TextField(verbose_name="content")),
                (
                    "instance",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="scripts", to="instances.instance"
                    ),
                ),
            ],
            options={
                "verbose_name": "user script",
                "verbose_name_plural": "user scripts",
                "ordering": ["number"],
                "constraints": [
                    models.UniqueConstraint(fields=("instance", "number"), name="one_script_per_number"),
                    models.UniqueConstraint(fields=("instance", "name"), name="script_name_once"),
                ],
            },
        ),
    ]
