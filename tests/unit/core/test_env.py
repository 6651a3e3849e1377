"""Settings from the environment: what is understood, and what is refused by name."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from cloudia.core import env


@pytest.mark.parametrize(("value", "meant"), [("1", True), ("yes", True), ("0", False), ("", False), ("Off", False)])
def test_flag_is_yes_or_no(monkeypatch: pytest.MonkeyPatch, value: str, meant: bool) -> None:
    monkeypatch.setenv("CLOUDIA_X", value)
    assert env.flag("CLOUDIA_X", default=not meant) is meant


@pytest.mark.parametrize("value", ["maybe", "2"])
def test_flag_that_is_neither_is_refused_naming_the_variable(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CLOUDIA_X", value)
    with pytest.raises(ImproperlyConfigured, match="CLOUDIA_X"):
        env.flag("CLOUDIA_X", default=False)


@pytest.mark.parametrize("value", ["0", "-1", "four", "1.5", ""])
def test_number_below_its_minimum_or_none_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CLOUDIA_X", value)
    with pytest.raises(ImproperlyConfigured, match="CLOUDIA_X"):
        env.number("CLOUDIA_X", 4)


def test_words_are_split_at_blanks_and_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDIA_X", "a.example, b.example  c.example")
    assert env.words("CLOUDIA_X", "") == ["a.example", "b.example", "c.example"]


def test_secret_key_is_made_once_and_only_its_owner_may_read_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CLOUDIA_X", raising=False)
    path = tmp_path / "deep" / "key"
    first, second = env.secret_key("CLOUDIA_X", path), env.secret_key("CLOUDIA_X", path)
    assert first == second
    assert len(first) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_secret_key_of_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLOUDIA_X", "given")
    assert env.secret_key("CLOUDIA_X", tmp_path / "key") == "given"
    assert not (tmp_path / "key").exists()


def test_database_url_is_taken_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("X_URL", "postgresql://us%40er:p%2Fw@db.example:5433/name?sslmode=require")
    found = env.database("X_URL", tmp_path)
    assert {key: found[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")} == {
        "NAME": "name",
        "USER": "us@er",
        "PASSWORD": "p/w",
        "HOST": "db.example",
        "PORT": "5433",
    }
    assert found["OPTIONS"]["sslmode"] == "require"


def test_without_a_url_the_private_cluster_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("X_URL", raising=False)
    assert env.database("X_URL", tmp_path)["HOST"] == str(tmp_path)


def test_other_databases_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("X_URL", "mysql://db/name")
    with pytest.raises(ImproperlyConfigured, match="X_URL"):
        env.database("X_URL", tmp_path)


def test_only_the_web_process_pools_connections(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The worker's processes are forks; sharing a pool's sockets made them answer each other's queries."""
    monkeypatch.delenv("CLOUDIA_WEB", raising=False)
    assert env.database("X_URL", tmp_path)["OPTIONS"]["pool"] is False
    monkeypatch.setenv("CLOUDIA_WEB", "1")
    assert env.database("X_URL", tmp_path)["OPTIONS"]["pool"]["max_size"] == 16


def test_resolvers_are_what_the_machine_asks_and_guests_can_reach(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "stub").write_text("# by systemd-resolved\nnameserver 127.0.0.53\noptions edns0\nsearch example.org\n")
    (tmp_path / "real").write_text(
        "nameserver 192.0.2.53\nnameserver fe80::1%eth0\nnameserver 192.0.2.53\nnameserver\n"
    )
    monkeypatch.setattr(env, "RESOLVERS", (tmp_path / "stub", tmp_path / "missing", tmp_path / "real"))
    monkeypatch.delenv("CLOUDIA_X", raising=False)
    assert env.resolvers("CLOUDIA_X") == ["192.0.2.53"]
    monkeypatch.setenv("CLOUDIA_X", "192.0.2.1, 2001:db8::1")
    assert env.resolvers("CLOUDIA_X") == ["192.0.2.1", "2001:db8::1"]


def test_resolver_that_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDIA_X", "dns.example.org")
    with pytest.raises(ImproperlyConfigured, match="CLOUDIA_X"):
        env.resolvers("CLOUDIA_X")


@pytest.mark.parametrize("value", ["scratch", "/var/../etc", "."])
def test_directory_that_does_not_begin_at_the_root_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CLOUDIA_X", value)
    with pytest.raises(ImproperlyConfigured, match="CLOUDIA_X"):
        env.directory("CLOUDIA_X", Path("/var"))


def test_places_are_networks_and_host_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDIA_X", "10.1.0.0/24 mirror.example, fd00::/8")
    assert env.places("CLOUDIA_X") == ["10.1.0.0/24", "mirror.example", "fd00::/8"]


@pytest.mark.parametrize("value", ["10.1.0.0/99", "10.1.0.1/24", "mirror.example/images"])
def test_place_with_a_slash_that_is_no_network_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CLOUDIA_X", value)
    with pytest.raises(ImproperlyConfigured, match="CLOUDIA_X"):
        env.places("CLOUDIA_X")
