"""The settings CloudiA is tested with: its own, in an environment that leads to throw-away places.

pytest-django reads the settings before any conftest.py, so this module is the only place early enough. What the caller
has set (``DATABASE_URL``, say) is kept, and processes started by a test inherit everything. The processes that share
the tests between them inherit nothing of it (tests/parallel.py): each has its places to itself.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

PARENT = Path("/tmp")  # a short path: that of a unix socket may have 107 bytes at most
PREFIX = "cloudia-test-"
ADDED: list[str] = []  # names of what this process has added to its environment


def _throw_away_folder() -> str:
    """A folder that goes with this process, named after it; those of processes that were killed go as well."""
    for deserted in PARENT.glob(f"{PREFIX}*-*"):
        if not Path("/proc", deserted.name.removeprefix(PREFIX).partition("-")[0]).exists():
            shutil.rmtree(deserted, ignore_errors=True)
    owner = os.getpid()
    folder = tempfile.mkdtemp(prefix=f"{PREFIX}{owner}-", dir=PARENT)

    def remove() -> None:
        if os.getpid() == owner:  # and no child that is a copy of it
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


def _add(name: str, value: str) -> None:
    os.environ[name] = value
    ADDED.append(name)


if "CLOUDIA_TEST_DIR" not in os.environ:
    _add("CLOUDIA_TEST_DIR", _throw_away_folder())
TEST_DIR = Path(os.environ["CLOUDIA_TEST_DIR"])
POSTGRES_DIR = TEST_DIR / "postgres"

if not os.environ.get("DATABASE_URL"):  # an empty one says nothing: make exports variables that are not set
    _add("DATABASE_URL", f"postgresql://cloudia@/cloudia?host={POSTGRES_DIR}")
if "CLOUDIA_VAR" not in os.environ:
    _add("CLOUDIA_VAR", str(TEST_DIR / "var"))
os.environ.setdefault("CLOUDIA_SECRET_KEY", "only-for-tests-" + "0123456789abcdef" * 4)
os.environ.setdefault("CLOUDIA_STATIC_STORAGE", "django.contrib.staticfiles.storage.StaticFilesStorage")
os.environ.setdefault("CLOUDIA_STORAGE_ROOTS", "/var/lib/cloudia,/srv,/mnt,/var/tmp,/tmp")  # the lab's folders, too

from cloudia.settings import *  # noqa: E402, F403  the environment above must be there first

STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405  # whitenoise warns where nothing was collected
