"""First users of the gallery's instances, and their scripts."""

from __future__ import annotations

from typing import Any

SCRIPTS = {
    "mount-tuning.sh": ("pre-network", "#!/bin/sh\nsysctl -w vm.dirty_ratio=5\n"),
    "install-postgresql-15-of-settlement-for-the-second-half.sh": (
        "boot",
        "#!/bin/sh\nset -eu\napt-get update\napt-get install -y postgresql-15\n# 결제정산 데이터베이스만 받습니다.\n"
        "sed -i \"s/^#listen_addresses.*/listen_addresses = '10.20.2.10'/\" /etc/postgresql/15/main/postgresql.conf\n",
    ),
}
USER = "settlement"
WITH_SCRIPTS = "db-replica-01"
WORDS = (USER, *SCRIPTS, *(line for _stage, content in SCRIPTS.values() for line in content.splitlines()))


def guests(instances: list[Any]) -> None:
    """One has a user and scripts, one the default user."""
    from tests.factories import GuestFactory, ScriptFactory  # after django.setup

    by_name = {instance.name: instance for instance in instances}
    GuestFactory.create(instance=by_name[WITH_SCRIPTS], username=USER)
    GuestFactory.create(instance=by_name["bastion-01"], password_hash="")
    for number, (name, (stage, content)) in enumerate(SCRIPTS.items(), 1):
        ScriptFactory.create(instance=by_name[WITH_SCRIPTS], number=number, name=name, stage=stage, content=content)


def hostile_guest(instance: Any, text: str) -> None:
    """The longest names there are, and markup where text may stand."""
    from tests.factories import GuestFactory, ScriptFactory

    GuestFactory.create(instance=instance, username="w" * 32, password_hash="")
    ScriptFactory.create(instance=instance, number=1, name="w" * 64, content=f"#!/bin/sh\n# {text}\n{'w' * 2000}\n")
