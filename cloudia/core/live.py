"""Live updates at their source: database triggers that announce every visible change with NOTIFY.

A trigger sees what a page shows, whoever changed it: a service, a job, the watcher or the admin; and it fires at
commit, so nobody reads too early. The payload names topics, never content: readers fetch with their own rights.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.migrations import RunSQL

CHANNEL = "cloudia_live"

_FUNCTION = """
    CREATE OR REPLACE FUNCTION cloudia_live() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        changed jsonb := CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
        topics jsonb := jsonb_build_array(TG_ARGV[0] || ':' || (changed->>'id'));
    BEGIN
        IF TG_OP <> 'UPDATE' THEN
            topics := topics || to_jsonb('list:' || TG_ARGV[0]);
        END IF;
        IF changed ? 'target_id' THEN
            topics := topics || to_jsonb((changed->>'target_type') || ':' || (changed->>'target_id'));
        END IF;
        IF changed ? 'owner_id' THEN
            topics := topics || to_jsonb((changed->>'owner_type') || ':' || (changed->>'owner_id'));
        END IF;
        PERFORM pg_notify('cloudia_live', jsonb_build_object('topics', topics, 'project', changed->'project_id')::text);
        RETURN NULL;
    END $$;
    """
FUNCTION = RunSQL(_FUNCTION, "DROP FUNCTION cloudia_live();")
FUNCTION_AGAIN = RunSQL(_FUNCTION, RunSQL.noop)  # for installations that have an older one


def live_trigger(table: str, topic: str, columns: Sequence[str]) -> RunSQL:
    """Announce inserts and deletes of ``table``, and updates that change one of the shown ``columns``."""
    changed = ", ".join(f"OLD.{column}" for column in columns), ", ".join(f"NEW.{column}" for column in columns)
    return RunSQL(
        f"""
        CREATE TRIGGER {table}_live AFTER INSERT OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION cloudia_live('{topic}');
        CREATE TRIGGER {table}_live_update AFTER UPDATE ON {table}
            FOR EACH ROW WHEN (({changed[0]}) IS DISTINCT FROM ({changed[1]}))
            EXECUTE FUNCTION cloudia_live('{topic}');
        """,
        f"DROP TRIGGER {table}_live ON {table}; DROP TRIGGER {table}_live_update ON {table};",
    )
