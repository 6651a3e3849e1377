"""The tests' settings with an operation of their own, for workers that run as processes."""

from tests.settings import *  # noqa: F403  that is what settings are

INSTALLED_APPS = [*INSTALLED_APPS, "tests.integration.jobs.naps.NapsConfig"]  # noqa: F405  from there
