"""GPUs of hosts."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("hosts", "0002_live"),
    ]

    operations = [
        migrations.CreateModel(
            name="Gpu",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("address", models.CharField(max_length=16, verbose_name="PCI address")),
                ("vendor", models.CharField(blank=True, max_length=255, verbose_name="vendor")),
                ("vendor_id", models.CharField(blank=True, max_length=8)),
                ("product", models.CharField(blank=True, max_length=255, verbose_name="product")),
                ("product_id", models.CharField(blank=True, max_length=8)),
                ("iommu_group", models.PositiveIntegerField(null=True, verbose_name="IOMMU group")),
                ("numa_node", models.PositiveSmallIntegerField(null=True, verbose_name="NUMA node")),
                ("functions", models.JSONField(default=list)),
                ("sharers", models.JSONField(default=list)),
                ("present", models.BooleanField(default=True)),
                (
                    "host",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="gpus", to="hosts.host"
                    ),
                ),
            ],
            options={
                "verbose_name": "GPU",
                "verbose_name_plural": "GPUs",
                "ordering": ["host", "address"],
                "constraints": [models.UniqueConstraint(fields=("host", "address"), name="gpu_once")],
            },
        ),
    ]
