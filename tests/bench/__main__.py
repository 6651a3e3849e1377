"""``python -m tests.bench [row ...]``: run benchmarks and print what they found. As root, like everything with a lab.

Exits with 1 if a target is missed.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

Row: TypeAlias = "Callable[[], Iterator[Check]]"

# As an installation has them. They must be there before the settings are read, and no database but our own is touched.
os.environ.pop("DATABASE_URL", None)
os.environ["CLOUDIA_STATIC_STORAGE"] = "cloudia.ui.assets.HashedAssets"
os.environ["CLOUDIA_LOG_LEVEL"] = "WARNING"
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django  # noqa: E402  # after the environment, as everything below

django.setup()

import psycopg  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from tests import settings  # noqa: E402
from tests.bench import create, live, memory, network, pages, power, upload  # noqa: E402
from tests.bench.installation import Installation  # noqa: E402
from tests.bench.report import Check, save, table  # noqa: E402
from tests.postgres import cluster  # noqa: E402

RESULTS = Path(__file__).parents[2] / "var" / "bench"
IN_PROCESS = {"list": pages.list_page, "api": pages.api_list, "network": network.sync}
ON_STACK = {
    "accept": power.accept,
    "power": power.to_running,
    "create": create.to_running,
    "burst": create.at_once,
    "outside": live.outside_change,
    "hung": live.hung_host,
    "upload": upload.upload,
}
IDLE = {"memory": memory.idle}
NAMES = [*IN_PROCESS, *ON_STACK, *IDLE]


def main(wanted: Sequence[str]) -> int:
    """Run the rows asked for, or all."""
    if unknown := set(wanted) - set(NAMES):
        print(f"no such row: {' '.join(sorted(unknown))} (have: {' '.join(NAMES)})", file=sys.stderr)
        return 2
    began, checks = time.monotonic(), []
    for check in run(set(wanted or NAMES)):
        print("  ".join(check.cells), flush=True)
        checks.append(check)
    path = save(checks, RESULTS, time.monotonic() - began)
    load = f"load average {os.getloadavg()[1]:.1f} on {os.cpu_count()} CPUs"  # of five minutes: of others, too
    print(f"\n{table(checks)}\n\n{load}\n{path}")
    return int(not all(check.passed for check in checks))


def run(wanted: set[str]) -> Iterator[Check]:
    """Everything asked for, on one PostgreSQL that is set up as an installation's."""
    url = os.environ["DATABASE_URL"]
    try:
        with cluster(settings.POSTGRES_DIR, options=()):
            if rows := [IN_PROCESS[name] for name in IN_PROCESS if name in wanted]:
                _make_database(url)
                for row in rows:
                    yield from row()
                connection.close()
            for names, hosts in ((ON_STACK, 2), (IDLE, 1)):
                if chosen := [names[name] for name in names if name in wanted]:
                    with Installation.running(url, hosts) as installation:
                        for measure in chosen:
                            yield from measure(installation)
    finally:
        shutil.rmtree(settings.TEST_DIR, ignore_errors=True)


def _make_database(url: str) -> None:
    with psycopg.connect(url.replace("/cloudia?", "/postgres?"), autocommit=True) as server:
        server.execute("CREATE DATABASE cloudia")
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
