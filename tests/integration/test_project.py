"""The project as a whole: migrations, deployment settings, translations, build files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).parents[2]


def manage(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "cloudia.settings", **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.django_db
def test_models_need_no_further_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=1)


def test_production_settings_pass_djangos_own_checks() -> None:
    answer = manage("check", "--deploy", "--fail-level", "WARNING", CLOUDIA_HTTPS="1", CLOUDIA_DEBUG="0")
    assert answer.returncode == 0, answer.stderr


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Korean messages collected anew from a copy of the sources."""
    copy = tmp_path_factory.mktemp("sources")
    files = subprocess.run(["git", "ls-files", "-z", "--", ":!tests", ":!static"], cwd=ROOT, stdout=subprocess.PIPE)
    subprocess.run(["cpio", "-0pdm", "--quiet", copy], cwd=ROOT, input=files.stdout, check=True)
    subprocess.run(
        [sys.executable, "manage.py", "makemessages", "-l", "ko", "--no-obsolete", "--no-location", "-v", "0"],
        cwd=copy,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "cloudia.settings"},
        check=True,
    )
    return copy / "locale" / "ko" / "LC_MESSAGES" / "django.po"


@pytest.mark.parametrize("kind", ["--untranslated", "--only-fuzzy"])
def test_every_text_has_its_korean(collected: Path, kind: str) -> None:
    answer = subprocess.run(["msgattrib", "--no-wrap", kind, collected], stdout=subprocess.PIPE, check=True, text=True)
    missing = [line for line in answer.stdout.splitlines() if line.startswith("msgid") and line != 'msgid ""']
    assert missing == []


def test_translations_compile(tmp_path: Path) -> None:
    for source in ROOT.glob("locale/*/LC_MESSAGES/*.po"):
        subprocess.run(["msgfmt", "--check", "-o", tmp_path / "compiled.mo", source], check=True)


@pytest.mark.parametrize("script", [*ROOT.glob("deploy/lab/**/*.sh"), ROOT / "deploy/lab/lab", ROOT / "deploy/run"])
def test_shell_scripts_parse(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)


SHOW = """
from django.conf import settings
print(settings.MAX_IMAGE_GIB, settings.SCRATCH_DIR, settings.UPLOAD_HOURS, settings.IMPORT_ALLOWED)
"""
IMAGES = {
    "CLOUDIA_MAX_IMAGE_GIB": ("7", "0"),
    "CLOUDIA_SCRATCH": ("/srv/scratch", "scratch"),
    "CLOUDIA_UPLOAD_HOURS": ("3", "soon"),
    "CLOUDIA_IMPORT_ALLOWED": ("10.1.0.0/24 mirror.example", "10.1.0.0/99"),
}


def test_settings_of_images_come_from_the_environment() -> None:
    answer = manage("shell", "--no-imports", "-c", SHOW, **{name: good for name, (good, _bad) in IMAGES.items()})
    assert answer.stdout.strip() == "7 /srv/scratch 3 ['10.1.0.0/24', 'mirror.example']"


@pytest.mark.parametrize("name", IMAGES)
def test_setting_of_images_that_makes_no_sense_is_named(name: str) -> None:
    answer = manage("check", **{name: IMAGES[name][1]})
    assert answer.returncode != 0
    assert answer.stderr.splitlines()[-1].startswith(f"django.core.exceptions.ImproperlyConfigured: {name} must be ")
