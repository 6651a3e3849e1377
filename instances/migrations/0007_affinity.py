import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from cloudia.core.live import live_trigger

SHOWN = ["name", "description", "policy", "hard", "enabled"]
MEMBER = "affinity_group_id, {0}.name, {0}.host_id, {0}.power_state, {0}.current_job_id"
BEFORE, AFTER = (f"{row}.{MEMBER.format(row)}" for row in ("OLD", "NEW"))
# Where its members are is shown with a group: it is announced when one of them comes, goes or moves.
MEMBERS = migrations.RunSQL(
    f"""
    CREATE FUNCTION cloudia_affinity_live() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        found uuid;
        project uuid := coalesce(NEW.project_id, OLD.project_id);
    BEGIN
        IF ({BEFORE}) IS DISTINCT FROM ({AFTER}) THEN
            FOR found IN SELECT DISTINCT unnest(ARRAY[OLD.affinity_group_id, NEW.affinity_group_id]) LOOP
                IF found IS NOT NULL THEN
                    PERFORM pg_notify('cloudia_live', jsonb_build_object(
                        'topics', jsonb_build_array('affinitygroup:' || found), 'project', project)::text);
                END IF;
            END LOOP;
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER instances_instance_affinity AFTER INSERT OR UPDATE OR DELETE ON instances_instance
        FOR EACH ROW EXECUTE FUNCTION cloudia_affinity_live();
    """,
    "DROP TRIGGER instances_instance_affinity ON instances_instance; DROP FUNCTION cloudia_affinity_live();",
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_quotas"), ("instances", "0006_type_live")]

    operations = [
        migrations.CreateModel(
            name="AffinityGroup",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=128, verbose_name="name")),
                ("description", models.CharField(blank=True, max_length=255, verbose_name="description")),
                (
                    "policy",
                    models.CharField(
                        choices=[
                            ("affinity", "Affinity (on the same host)"),
                            ("anti-affinity", "Anti-affinity (on different hosts)"),
                        ],
                        default="anti-affinity",
                        max_length=16,
                        verbose_name="rule",
                    ),
                ),
                ("hard", models.BooleanField(default=True, verbose_name="required")),
                ("enabled", models.BooleanField(default=True, verbose_name="enabled")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="affinity_groups",
                        to="accounts.project",
                        verbose_name="project",
                    ),
                ),
            ],
            options={
                "verbose_name": "affinity group",
                "verbose_name_plural": "affinity groups",
                "ordering": ["name"],
                "constraints": [models.UniqueConstraint(fields=("project", "name"), name="affinity_group_name_once")],
            },
        ),
        migrations.AddField(
            model_name="instance",
            name="affinity_group",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="members",
                to="instances.affinitygroup",
                verbose_name="affinity group",
            ),
        ),
        live_trigger("instances_affinitygroup", "affinitygroup", SHOWN),
        MEMBERS,
    ]
