"""Announce how far an upload has come, one notice a percent, to pages that show its image."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("storage", "0003_live")]
    operations = [
        migrations.RunSQL(
            """
            CREATE FUNCTION storage_upload_live() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE
                owner uuid := (SELECT project_id FROM storage_image WHERE id = NEW.image_id);
                topics jsonb := jsonb_build_array('image:' || NEW.image_id);
            BEGIN
                PERFORM pg_notify('cloudia_live', jsonb_build_object('topics', topics, 'project', owner)::text);
                RETURN NULL;
            END $$;
            CREATE TRIGGER storage_upload_live AFTER UPDATE ON storage_upload FOR EACH ROW
                WHEN (100 * OLD.received_bytes / greatest(OLD.length_bytes, 1)
                      IS DISTINCT FROM 100 * NEW.received_bytes / greatest(NEW.length_bytes, 1))
                EXECUTE FUNCTION storage_upload_live();
            """,
            "DROP TRIGGER storage_upload_live ON storage_upload; DROP FUNCTION storage_upload_live();",
        )
    ]
