"""Which instance has which GPU."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("hosts", "0003_gpus"),
        ("instances", "0009_topology"),
    ]

    operations = [
        migrations.AddField(
            model_name="instance",
            name="gpu",
            field=models.BooleanField(default=False, verbose_name="GPU passthrough"),
        ),
        migrations.CreateModel(
            name="InstanceGpu",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "gpu",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="use", to="hosts.gpu"
                    ),
                ),
                (
                    "instance",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="gpu_use", to="instances.instance"
                    ),
                ),
            ],
        ),
    ]
