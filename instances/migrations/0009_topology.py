"""Cores of a socket, where somebody chose them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("instances", "0008_launch_templates")]
    operations = [
        migrations.AddField(
            model_name="instance",
            name="cores_per_socket",
            field=models.PositiveSmallIntegerField(null=True, verbose_name="cores per socket"),
        ),
    ]
