"""Announce networks to open pages, and note every change that OVN has to be told of."""

from django.db import migrations

from cloudia.core.live import FUNCTION_AGAIN, live_trigger

CHANNEL = "cloudia_network"

FUNCTION = migrations.RunSQL(
    f"""
    CREATE FUNCTION cloudia_network_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO networking_networkchange DEFAULT VALUES;
        PERFORM pg_notify('{CHANNEL}', '');
        RETURN NULL;
    END $$;
    """,
    "DROP FUNCTION cloudia_network_changed();",
)

# What OVN is told of each table. Columns that nobody tells it (descriptions, what was observed) are left out: writing
# an observation must not cause another look.
TOLD = {
    "networking_externalnetwork": "name, physical_network, vlan, cidr, gateway",
    "networking_vpc": "name, external_network_id, gateway_address",
    "networking_subnet": "name, cidr, gateway, dns",
    "networking_networkinterface": "subnet_id, address, mac, owner_name, owner_short_id",
    "networking_networkinterface_security_groups": "networkinterface_id, securitygroup_id",
    "networking_securitygroup": "name",
    "networking_securitygrouprule": "direction, protocol, port_min, port_max, cidr, remote_group_id",
    "networking_floatingip": "interface_id",
    "networking_hostnetwork": "chassis, answers, physical_networks",
}


def outbox_trigger(table: str, columns: str) -> migrations.RunSQL:
    """Once a statement, not once a row."""
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER {table}_changed AFTER INSERT OR DELETE OR UPDATE OF {columns} ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION cloudia_network_changed();
        """,
        f"DROP TRIGGER {table}_changed ON {table};",
    )


class Migration(migrations.Migration):
    dependencies = [("networking", "0001_initial"), ("jobs", "0002_live")]
    operations = [
        FUNCTION,
        *[outbox_trigger(table, columns) for table, columns in TOLD.items()],
        FUNCTION_AGAIN,  # it has learnt to name the owner of what changed
        live_trigger("networking_vpc", "vpc", ["name", "description", "external_network_id", "gateway_address"]),
        live_trigger("networking_subnet", "subnet", ["name", "cidr", "gateway", "dns", "reserved"]),
        live_trigger("networking_securitygroup", "securitygroup", ["name", "description", "changed_at"]),
        live_trigger(
            "networking_networkinterface", "networkinterface", ["address", "subnet_id", "owner_name", "is_up"]
        ),
        live_trigger("networking_floatingip", "floatingip", ["interface_id", "description"]),
        live_trigger("networking_trace", "trace", ["answer", "current_job_id"]),
    ]
