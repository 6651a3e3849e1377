"""The steps of a start: each does its work once and leaves alone what is there."""

from __future__ import annotations

import http.server
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import announce, packages, postgres, translations, virtualenv
from deploy.config import Config
from deploy.errors import StartError
from tests.postgres import cluster

ROOT = Path(__file__).parents[3]
KOREAN = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "Stop"\nmsgstr "{}"\n'


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another place for policy-rc.d."""
    path = tmp_path / "policy-rc.d"
    monkeypatch.setattr(packages, "POLICY", path)
    return path


def test_services_are_forbidden_during_an_installation_only(policy: Path) -> None:
    with packages.services_stay_off():
        assert subprocess.run([policy]).returncode == 101
    assert not policy.exists()


def test_failed_installation_leaves_no_policy(policy: Path) -> None:
    with pytest.raises(StartError, match="no such thing"), packages.services_stay_off():
        raise StartError("no such thing")
    assert not policy.exists()


def test_somebodys_own_policy_stands(policy: Path) -> None:
    policy.write_text("#!/bin/sh\nexit 0\n")
    with packages.services_stay_off():
        assert policy.read_text() == "#!/bin/sh\nexit 0\n"
    assert policy.exists()


@pytest.mark.slow
def test_package_that_apt_does_not_know_is_named(policy: Path) -> None:
    with pytest.raises(StartError, match="cloudia-is-no-package"):
        packages.install(["cloudia-is-no-package"])
    assert not policy.exists()


def test_installed_packages_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    packages.ensure(["dpkg", "coreutils"])
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_virtualenv_is_filled_once_per_set_of_requirements(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "requirements.txt").write_text("")
    virtualenv.ensure(tmp_path, "requirements.txt")
    assert (tmp_path / ".venv" / "bin" / "pip").exists()
    capsys.readouterr()
    virtualenv.ensure(tmp_path, "requirements.txt")
    assert capsys.readouterr().out == ""
    (tmp_path / "requirements.txt").write_text("# changed\n")
    virtualenv.ensure(tmp_path, "requirements.txt")
    assert capsys.readouterr().out == "Installing requirements.txt\n"


@pytest.mark.slow
def test_requirement_that_cannot_be_installed_is_named(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("./no-such-folder\n")
    with pytest.raises(StartError, match="no-such-folder"):
        virtualenv.ensure(tmp_path, "requirements.txt")


def test_translations_are_compiled_when_the_source_is_newer(tmp_path: Path) -> None:
    source = tmp_path / "locale" / "ko" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    source.write_text(KOREAN.format("정지"))
    translations.compile_all(tmp_path)
    compiled = source.with_suffix(".mo")
    first = compiled.stat().st_mtime_ns
    translations.compile_all(tmp_path)
    assert compiled.stat().st_mtime_ns == first
    source.write_text(KOREAN.format("종료"))
    os.utime(source, ns=(first + 1, first + 1))
    translations.compile_all(tmp_path)
    assert "종료".encode() in compiled.read_bytes()


def test_broken_translation_is_named(tmp_path: Path) -> None:
    source = tmp_path / "locale" / "ko" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    source.write_text('msgid "Stop"\nmsgstr "정지\n')
    with pytest.raises(StartError, match=r"django\.po"):
        translations.compile_all(tmp_path)


def test_cluster_of_a_version_that_is_gone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("8\n")
    with pytest.raises(StartError, match="needs PostgreSQL 8"):
        postgres.server_command(tmp_path)


def test_cluster_is_closed_to_others_and_made_once(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o011)
    user = pwd.getpwnam("postgres").pw_uid
    postgres.initialise(tmp_path / "cluster", user)
    made = (tmp_path / "cluster" / "PG_VERSION").stat()
    postgres.initialise(tmp_path / "cluster", user)
    assert (tmp_path / "cluster" / "PG_VERSION").stat() == made
    assert (tmp_path / "cluster").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "cluster").stat().st_uid == user


@pytest.fixture
def var() -> Iterator[Path]:
    """An installation's data: a private cluster that is up, and nothing in it. Short, for the socket's path."""
    folder = Path(tempfile.mkdtemp(prefix="cloudia-steps-", dir="/var/tmp"))
    with cluster(folder / "postgres"):
        yield folder
    shutil.rmtree(folder)


def complaint(*wrapper: str, **environment: str) -> str:
    """The one line with which the preparation of the database ends."""
    foreign = ("DATABASE_URL", "DJANGO_SETTINGS_MODULE")  # the tests' own
    own = {name: value for name, value in os.environ.items() if name not in foreign} | environment
    command = [*wrapper, sys.executable, "-m", "deploy.prepare", "no-image"]
    answer = subprocess.run(command, cwd=ROOT, env=own, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert answer.returncode == 1, answer
    (line,) = answer.stderr.splitlines()
    return line


def test_preparation_names_a_database_that_does_not_answer() -> None:
    line = complaint(DATABASE_URL="postgresql://cloudia@/cloudia?host=/nonexistent")
    assert line.startswith("The database does not answer: ")


@pytest.mark.slow
def test_preparation_names_a_libvirt_that_does_not_answer(var: Path) -> None:
    Path("/run/libvirt").mkdir(exist_ok=True)
    hidden = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /run/libvirt && exec "$@"', "sh")
    assert "libvirt" in complaint(*hidden, CLOUDIA_VAR=str(var), LANG="C.UTF-8")


class Silent(http.server.BaseHTTPRequestHandler):
    """Answers everything with 501 and logs nothing."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    """A web server that answers everything with an error; its URL."""
    server = http.server.HTTPServer(("127.0.0.1", 0), Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_ready_means_that_a_web_server_answers_whatever_it_says(server: str) -> None:
    assert announce.answers(server)
    assert not announce.answers("http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("bind", "url"),
    [("127.0.0.1", "http://127.0.0.1:8000"), ("0.0.0.0", "http://127.0.0.1:8000"), ("::1", "http://[::1]:8000")],
)
def test_url_is_one_that_this_machine_can_open(monkeypatch: pytest.MonkeyPatch, bind: str, url: str) -> None:
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.setenv("BIND", bind)
    assert Config.from_environment().url == url
