"""What has to be done with Django before its processes may start. Runs as the user cloudia, in the virtualenv."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django
import psycopg
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError
from psycopg import sql

from deploy.config import Config


def main() -> None:
    """Bring database and assets up to date and register this machine; harmless twice."""
    config, image = Config.from_environment(), Path(sys.argv[1])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloudia.settings")
    django.setup()
    if config.private_postgres:
        _create_database()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("setup", image=str(image))


def _create_database() -> None:
    target = settings.DATABASES["default"]
    with psycopg.connect(dbname="postgres", host=target["HOST"], user=target["USER"], autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [target["NAME"]]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(target["NAME"])))


if __name__ == "__main__":
    try:
        main()
    except (psycopg.OperationalError, OperationalError) as error:
        sys.exit(f"The database does not answer: {str(error).splitlines()[0]}")
    except CommandError as error:
        sys.exit(str(error))
