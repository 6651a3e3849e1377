"""The first user of a guest and its scripts: as wished, everything that can be wrong with them, and as rows."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from passlib.hash import sha512_crypt  # libpass: the maintained fork; Python's own crypt is gone since 3.13

from cloudia.core.faults import Faults
from instances.enums import ScriptStage
from instances.models import Instance, InstanceGuest, UserScript

DEFAULT_USERNAME = "cloudia"
DEFAULT_PASSWORD = "cloudia"  # noqa: S105  # the guide's, known to all: the guest takes it once, to ask for another
MAX_USERNAME = 32  # useradd(8)
MIN_PASSWORD = 8
MAX_PASSWORD = 100  # characters: of four bytes each they are fewer than the 512 bytes that a login takes (PAM)
ROUNDS = 100_000  # a twentieth of a second for us, and little enough for a guest with one slow vCPU
MAX_KEYS = 16
MAX_KEY = 8192  # characters; RSA of 16384 bits, the largest that ssh-keygen makes, has some 2800
MAX_SCRIPTS = 16
# NoCloud has no limit of its own. Linux has: 128 KiB for one argument (execve(2)), 2 MiB for all, and scripts that run
# before the network get into the guest as arguments.
MAX_SCRIPT_BYTES = 64 * 1024
MAX_SCRIPT_NAME = 64
# Users and groups that images come with; useradd makes a group for each user, so groups count as well. From Debian's
# base-passwd and Fedora's setup (uidgid), the sysusers.d of systemd, and what Debian's, Ubuntu's and Fedora's cloud
# images add. Names with other characters than a username may have are left out.
SYSTEM_NAMES = frozenset(
    """
    root daemon bin sys sync games man lp mail news uucp proxy backup list irc nobody adm tty disk kmem dialout fax
    voice cdrom floppy tape sudo audio dip operator src shadow utmp video sasl plugdev staff users nogroup
    mem wheel shutdown halt gopher ftp console lock nfsnobody
    input kvm render sgx clock empower messagebus dbus polkitd polkitkd sshd ssh crontab netdev tcpdump uuidd chrony
    ntp postfix postdrop rpc rpcuser tss unbound dnsmasq sssd syslog landscape pollinate lxd admin docker rdma
    """.split()  # noqa: SIM905  # as a list each would take a line
)
KEY_TYPES = frozenset(  # what sshd(8) takes as of OpenSSH 10, which no longer has DSA
    [
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    ]
)
_USERNAME = re.compile(r"[a-z][a-z0-9]*")
_SCRIPT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_SHEBANG = re.compile(r"#![ \t]*/\S")


@dataclass(frozen=True)
class ScriptWish:
    """A script that runs once, when the guest first starts; ``stage`` is one of ScriptStage."""

    name: str
    stage: str
    content: str


@dataclass(frozen=True)
class GuestWish:
    """The guest's first user. Without a password it gets the default one, which it must change when it logs in.

    Scripts run in this order.
    """

    username: str = DEFAULT_USERNAME
    password: str = field(default="", repr=False)
    ssh_keys: tuple[str, ...] = ()
    scripts: tuple[ScriptWish, ...] = ()


def check_guest(faults: Faults, wish: GuestWish, prefix: str = "cloud_init.") -> None:
    """Note what is wrong: at ``username``, ``password``, ``ssh_keys.<number>`` and ``scripts.<number>.<field>``."""
    _check_username(faults, f"{prefix}username", wish.username)
    _check_password(faults, f"{prefix}password", wish)
    _check_keys(faults, f"{prefix}ssh_keys", wish.ssh_keys)
    _check_scripts(faults, f"{prefix}scripts", wish.scripts)


def guest_record(instance: Instance, wish: GuestWish) -> None:
    """The rows of a checked wish, in the transaction that makes the instance. Of a password only a hash is kept."""
    InstanceGuest.objects.create(
        instance=instance,
        username=wish.username,
        password_hash=sha512_crypt.using(rounds=ROUNDS).hash(wish.password) if wish.password else "",
        ssh_keys="\n".join(key.strip() for key in wish.ssh_keys),
    )
    UserScript.objects.bulk_create(
        UserScript(
            instance=instance, number=number, name=script.name, stage=script.stage, content=as_kept(script.content)
        )
        for number, script in enumerate(wish.scripts, 1)
    )


def as_kept(content: str) -> str:
    """A script as guests can run it: without the byte order mark and the line ends of Windows."""
    return content.removeprefix("\ufeff").replace("\r\n", "\n")


def _check_username(faults: Faults, at: str, name: str) -> None:
    if not name:
        faults.note(at, "required", _("Enter a user name."))
    elif len(name) > MAX_USERNAME:
        faults.note(at, "too_long", _("At most %(most)s characters.") % {"most": MAX_USERNAME})
    elif not _USERNAME.fullmatch(name):
        faults.note(at, "invalid", _("Use lowercase letters a-z and digits, and begin with a letter."))
    elif name in SYSTEM_NAMES:
        message = _("“%(name)s” is a name that operating systems use themselves. Choose another, like cloudia.")
        faults.note(at, "reserved", message % {"name": name})


def _check_password(faults: Faults, at: str, wish: GuestWish) -> None:
    password = wish.password
    if not password:  # the default one
        return
    long = _("Enter %(least)s to %(most)s characters, or nothing.") % {"least": MIN_PASSWORD, "most": MAX_PASSWORD}
    faults.require(len(password) >= MIN_PASSWORD, at, "too_short", long)
    faults.require(len(password) <= MAX_PASSWORD, at, "too_long", long)
    faults.require(password.isprintable(), at, "invalid", _("A password is one line without control characters."))
    faults.require(password != wish.username, at, "same_as_username", _("It must differ from the user name."))


def _check_keys(faults: Faults, at: str, keys: Sequence[str]) -> None:
    faults.require(len(keys) <= MAX_KEYS, at, "too_many", _("At most %(most)s.") % {"most": MAX_KEYS})
    seen: set[str] = set()
    for number, key in enumerate(keys):
        if problem := _key_problem(key):
            faults.note(f"{at}.{number}", "invalid", problem)
        elif (material := key.split()[1]) in seen:
            faults.note(f"{at}.{number}", "duplicate", _("This key is there already."))
        else:
            seen.add(material)


def _key_problem(key: str) -> str:
    """Why a line is no public key, or nothing."""
    if len(key) > MAX_KEY:
        return _("At most %(most)s characters.") % {"most": MAX_KEY}
    if not key.strip().replace("\t", " ").isprintable():
        return _("A key is one line without control characters.")
    if "PRIVATE KEY" in key:
        return _("This is a private key: keep it to yourself. Enter the public one, from the file that ends in .pub.")
    words = key.split()
    kind, material = [*words, "", ""][:2]
    if kind not in KEY_TYPES:
        if not KEY_TYPES.isdisjoint(words):
            return _("Enter the key without options before it.")
        return _("Begin with the type of the key, like ssh-ed25519; certificates and DSA keys are not taken.")
    if _names_type(material, kind):
        return ""
    return _("The key is damaged or cut off. Copy the whole line of the file that ends in .pub.")


def _names_type(material: str, kind: str) -> bool:
    """Whether it is whole and of that type: length-prefixed strings, the first of which is the type (RFC 4253, 6.6)."""
    try:
        rest = base64.b64decode(material, validate=True)
    except (binascii.Error, ValueError):
        return False
    strings = []
    while rest:
        end = 4 + int.from_bytes(rest[:4], "big")
        if len(rest) < end:
            return False
        strings.append(rest[4:end])
        rest = rest[end:]
    return len(strings) > 1 and strings[0] == kind.encode()


def _check_scripts(faults: Faults, at: str, scripts: Sequence[ScriptWish]) -> None:
    faults.require(len(scripts) <= MAX_SCRIPTS, at, "too_many", _("At most %(most)s.") % {"most": MAX_SCRIPTS})
    for number, script in enumerate(scripts):
        _check_script_name(faults, f"{at}.{number}.name", script.name)
        twice = any(other.name == script.name for other in scripts[:number])
        faults.require(
            not (script.name and twice), f"{at}.{number}.name", "duplicate", _("Another script has this name.")
        )
        stages = {"stages": ", ".join(ScriptStage.values)}
        known = script.stage in ScriptStage.values
        faults.require(known, f"{at}.{number}.stage", "invalid", _("Choose one of: %(stages)s.") % stages)
        if problem := _objection(as_kept(script.content)):
            faults.note(f"{at}.{number}.content", *problem)


def _check_script_name(faults: Faults, at: str, name: str) -> None:
    if not name:
        faults.note(at, "required", _("Enter a file name, like setup.sh."))
    elif len(name) > MAX_SCRIPT_NAME:
        faults.note(at, "too_long", _("At most %(most)s characters.") % {"most": MAX_SCRIPT_NAME})
    elif not _SCRIPT_NAME.fullmatch(name):
        faults.note(at, "invalid", _("Use letters a-z, digits and . _ - only, and begin with a letter or digit."))


def _objection(content: str) -> tuple[str, str] | None:
    """What is wrong with a script's text, as code and sentence."""
    if not content.strip():
        return "required", _("Enter the script.")
    if "\0" in content or any("\ud800" <= character <= "\udfff" for character in content):
        return "not_text", _("The script is not text: it must be UTF-8 without null characters.")
    if len(content.encode()) > MAX_SCRIPT_BYTES:
        return "too_long", _("A script has at most %(most)s KiB.") % {"most": MAX_SCRIPT_BYTES // 1024}
    if not _SHEBANG.match(content):
        return "no_interpreter", _("Begin with #! and the interpreter, like #!/bin/bash.")
    return None
