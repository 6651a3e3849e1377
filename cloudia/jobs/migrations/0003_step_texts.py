"""What came of a step, in words."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Steps of before have nothing to tell."""

    dependencies = [("jobs", "0002_live")]
    operations = [migrations.AddField("jobstep", "texts", models.JSONField(default=dict, blank=True))]
