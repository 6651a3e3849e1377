"""The first user of a guest and its scripts: what may be wished, and why not what may not."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import translation
from passlib.hash import sha512_crypt

from cloudia.core.faults import Faults
from instances.guest_wishes import SYSTEM_NAMES, GuestWish, ScriptWish, as_kept, check_guest

SCRIPT = ScriptWish("setup.sh", "boot", "#!/bin/sh\necho hello\n")


def public(key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


ED25519 = public(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)))  # in the names of tests: always the same
RSA = public(rsa.generate_private_key(65537, 2048))
ECDSA = public(ec.generate_private_key(ec.SECP256R1()))
MATERIAL = ED25519.split()[1]
DSA = "ssh-dss " + base64.b64encode(b"\0\0\0\x07ssh-dss\0\0\0\x01x").decode()


def found(wish: GuestWish) -> dict[str, list[str]]:
    """Codes by field."""
    faults = Faults()
    check_guest(faults, wish)
    return {field: [error.code for error in errors] for field, errors in faults.fields.items()}


@pytest.mark.parametrize(
    "wish",
    [
        GuestWish(),
        GuestWish(username="a"),
        GuestWish(username="web" + "1" * 29),
        GuestWish(password="12345678"),
        GuestWish(password="비밀번호 여덟 글자"),
        GuestWish(password="-" * 100),
        GuestWish(password="cloudia cloudia"),
        GuestWish(
            ssh_keys=(
                ED25519,
                f" {RSA} ",
                ECDSA.replace(" ", "\t"),
                f"{public(ed25519.Ed25519PrivateKey.generate())} 나@집 노트북",
            )
        ),
        GuestWish(scripts=(SCRIPT, ScriptWish("10_b-2.py", "pre-network", "#! /usr/bin/env python3\r\npass\r\n"))),
        GuestWish(scripts=(replace(SCRIPT, content="\ufeff#!/bin/sh\n"),)),
        GuestWish(scripts=(replace(SCRIPT, content="#!/bin/sh\n" + "가" * ((65536 - 10) // 3)),)),
        GuestWish(scripts=tuple(replace(SCRIPT, name=str(number)) for number in range(16))),
    ],
)
def test_what_may_be_wished(wish: GuestWish) -> None:
    assert found(wish) == {}


@pytest.mark.parametrize(
    ("username", "code"),
    [
        ("", "required"),
        ("a" * 33, "too_long"),
        ("1a", "invalid"),
        ("Web", "invalid"),
        ("web_1", "invalid"),
        ("web-1", "invalid"),
        ("홍길동", "invalid"),
        ("ａ", "invalid"),
        ("a b", "invalid"),
        ("a\n", "invalid"),
        ("a\0", "invalid"),
        ("../a", "invalid"),
        ("root", "reserved"),
        ("nobody", "reserved"),
        ("sudo", "reserved"),
        ("sshd", "reserved"),
    ],
)
def test_name_of_the_user(username: str, code: str) -> None:
    assert found(GuestWish(username=username)) == {"cloud_init.username": [code]}


def test_reserved_names_are_those_that_could_be_wished_else() -> None:
    assert all(found(GuestWish(username=name)) == {"cloud_init.username": ["reserved"]} for name in SYSTEM_NAMES)


@pytest.mark.parametrize(
    ("password", "codes"),
    [
        ("cloudia", ["too_short", "same_as_username"]),
        ("1234567", ["too_short"]),
        ("-" * 101, ["too_long"]),
        ("12345678\n", ["invalid"]),
        ("1234\x005678", ["invalid"]),
        ("1234\u20285678", ["invalid"]),
        ("1234\ud8005678", ["invalid"]),
        ("\x1b[31m123", ["invalid"]),
    ],
)
def test_password(password: str, codes: list[str]) -> None:
    assert found(GuestWish(password=password)) == {"cloud_init.password": codes}


def test_password_that_is_the_name() -> None:
    assert found(GuestWish(username="administrator", password="administrator")) == {
        "cloud_init.password": ["same_as_username"]
    }


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "type of the key"),
        ("hello", "type of the key"),
        (DSA, "type of the key"),
        (f"ssh-ed25519-cert-v01@openssh.com {MATERIAL}", "type of the key"),
        (f'command="/bin/true" {ED25519}', "without options"),
        (f"no-pty {ED25519}", "without options"),
        ("ssh-ed25519", "damaged"),
        ("ssh-ed25519 ***", "damaged"),
        ("ssh-ed25519 가나다", "damaged"),
        (f"ssh-ed25519 {MATERIAL[:-8]}", "damaged"),
        (f"ssh-rsa {MATERIAL}", "damaged"),
        ("ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519").decode(), "damaged"),
        (f"{ED25519} a\nb", "one line"),
        (f"{ED25519}\n{RSA}", "one line"),
        (f"{ED25519} \0", "one line"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private key"),
        (f"{ED25519} " + "a" * 8192, "At most 8192"),
    ],
)
def test_key(key: str, words: str) -> None:
    faults = Faults()
    with translation.override("en"):
        check_guest(faults, GuestWish(ssh_keys=(RSA, key)))
    assert list(faults.fields) == ["cloud_init.ssh_keys.1"]
    assert words in str(faults.fields["cloud_init.ssh_keys.1"][0].detail)


def test_keys_twice_and_too_many() -> None:
    assert found(GuestWish(ssh_keys=(ED25519, f"{ED25519} again"))) == {"cloud_init.ssh_keys.1": ["duplicate"]}
    assert found(GuestWish(ssh_keys=(ED25519,) * 17))["cloud_init.ssh_keys"] == ["too_many"]


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"name": ""}, "name", "required"),
        ({"name": "a" * 65}, "name", "too_long"),
        ({"name": "../a"}, "name", "invalid"),
        ({"name": "a/b"}, "name", "invalid"),
        ({"name": ".a"}, "name", "invalid"),
        ({"name": "-a"}, "name", "invalid"),
        ({"name": "a b"}, "name", "invalid"),
        ({"name": "a'"}, "name", "invalid"),
        ({"name": "설치.sh"}, "name", "invalid"),
        ({"name": "a\n"}, "name", "invalid"),
        ({"stage": ""}, "stage", "invalid"),
        ({"stage": "Boot"}, "stage", "invalid"),
        ({"content": ""}, "content", "required"),
        ({"content": " \r\n"}, "content", "required"),
        ({"content": "echo hello"}, "content", "no_interpreter"),
        ({"content": "#!sh"}, "content", "no_interpreter"),
        ({"content": "\n#!/bin/sh"}, "content", "no_interpreter"),
        ({"content": "#cloud-config\n{}"}, "content", "no_interpreter"),
        ({"content": "#!/bin/sh\n\0"}, "content", "not_text"),
        ({"content": "#!/bin/sh\n\udcff"}, "content", "not_text"),
        ({"content": "#!/bin/sh\n" + "a" * 65536}, "content", "too_long"),
        ({"content": "#!/bin/sh\n" + "a" * (1 << 20)}, "content", "too_long"),
        ({"content": "#!/bin/sh\n" + "가" * (65536 // 3)}, "content", "too_long"),
    ],
)
def test_script(change: dict[str, str], field: str, code: str) -> None:
    bad = replace(SCRIPT, name="other")
    assert found(GuestWish(scripts=(SCRIPT, replace(bad, **change)))) == {f"cloud_init.scripts.1.{field}": [code]}


def test_scripts_twice_and_too_many() -> None:
    assert found(GuestWish(scripts=(SCRIPT, SCRIPT))) == {"cloud_init.scripts.1.name": ["duplicate"]}
    many = tuple(replace(SCRIPT, name=str(number)) for number in range(17))
    assert found(GuestWish(scripts=many)) == {"cloud_init.scripts": ["too_many"]}


def test_lines_of_windows_become_lines_that_guests_run() -> None:
    assert as_kept("\ufeff#!/bin/sh\r\necho a\rb\r\n") == "#!/bin/sh\necho a\rb\n"


def test_password_is_not_in_what_a_log_would_show() -> None:
    assert "s3cret-word" not in repr(GuestWish(password="s3cret-word"))


def test_hash_is_what_guests_take() -> None:
    """As `openssl passwd -6 -salt saltstring` has it, and the specification of SHA-crypt."""
    known = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
    assert sha512_crypt.verify("Hello world!", known)
