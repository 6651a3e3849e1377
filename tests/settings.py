"""The settings CloudiA is tested with: its own, in an environment that leads to throw-away places.

pytest-django reads the settings before any conftest.py, so this module is the only place early enough. What the caller
has set (``DATABASE_URL``, say) is kept, and processes started by a test inherit everything.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

if "CLOUDIA_TEST_DIR" not in os.environ:
    # Directly in /tmp: the path of a unix socket may have 107 bytes at most.
    os.environ["CLOUDIA_TEST_DIR"] = tempfile.mkdtemp(prefix="cloudia-test-", dir="/tmp")
TEST_DIR = Path(os.environ["CLOUDIA_TEST_DIR"])
POSTGRES_DIR = TEST_DIR / "postgres"

if not os.environ.get("DATABASE_URL"):  # an empty one says nothing: make exports variables that are not set
    os.environ["DATABASE_URL"] = f"postgresql://cloudia@/cloudia?host={POSTGRES_DIR}"
os.environ.setdefault("CLOUDIA_VAR", str(TEST_DIR / "var"))
os.environ.setdefault("CLOUDIA_SECRET_KEY", "only-for-tests-" + "0123456789abcdef" * 4)
os.environ.setdefault("CLOUDIA_STATIC_STORAGE", "django.contrib.staticfiles.storage.StaticFilesStorage")

from cloudia.settings import *  # noqa: E402, F403  the environment above must be there first

STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405  # whitenoise warns where nothing was collected
