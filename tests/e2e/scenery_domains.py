"""The storage domains of the gallery: of every kind, healthy and not, and what is left over in one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

GIB = 2**30
KINDS: dict[str, dict[str, Any]] = {
    "local-nvme-kvm-seoul-01": {"kind": "dir", "path": "/var/lib/cloudia/nvme"},
    "nfs-archive-서울리전-장기보관-분석데이터-2026년-하반기": {
        "kind": "nfs",
        "server": "nfs-archive.example.com",
        "source": "/export/cloudia/archive",
        "media": "hdd",
        "over_commit": 1,
    },
    "ceph-rbd-01": {"kind": "rbd", "server": "10.0.0.11,10.0.0.12", "source": "cloudia", "username": "cloudia"},
    "lvm-scratch": {"kind": "lvm", "source": "vg_scratch"},
}
ARCHIVE, CEPH = list(KINDS)[1:3]
ORPHAN = "3f0e6c1a-6d0b-4a5e-9d2f-0d6f6f0a7c11"
WORDS = (*KINDS, "nfs-archive.example.com")


def domains(hosts: list[Any]) -> dict[str, str]:
    """Their ids by name; ``domain`` is the one with everything on its page."""
    from tests.factories import StorageDomainFactory  # after django.setup

    made = {name: StorageDomainFactory.create(name=name, **{"path": "", **values}) for name, values in KINDS.items()}
    local, archive, ceph, _lvm = made.values()
    _attach(local, hosts[:1], full=97)
    _attach(archive, hosts[:3], full=55)
    _attach(ceph, hosts[:2], full=20)
    ceph.attachments.update(active=False, problem_texts=_missing_package())
    _break(archive, hosts[2])
    _leave(archive)
    return {"domain": str(archive.pk), "domain-empty": str(made["lvm-scratch"].pk), "domain-clean": str(local.pk)}


def _attach(domain: Any, hosts: list[Any], full: int) -> None:
    from django.utils import timezone

    capacity = 4000 * GIB
    for host in hosts:
        domain.attachments.create(
            host=host,
            active=True,
            capacity_bytes=capacity,
            available_bytes=capacity * (100 - full) // 100,
            checked_at=timezone.now(),
        )


def _missing_package() -> dict[str, str]:
    from cloudia.core.text import in_every_language
    from storage.attachments import NOT_ACTIVE

    return in_every_language(NOT_ACTIVE)


def _break(domain: Any, host: Any) -> None:
    from cloudia.core.text import in_every_language
    from storage.pools import not_mounted

    texts = in_every_language(not_mounted(domain, host).message)
    domain.attachments.filter(host=host).update(active=False, problem_texts=texts)


def _leave(domain: Any) -> None:
    from django.utils import timezone

    from storage.models import StrayFile

    old = timezone.now() - timedelta(days=3)
    StrayFile.objects.create(domain=domain, kind="orphan", name=ORPHAN, size_bytes=42 * GIB, seen_at=old)
    StrayFile.objects.create(domain=domain, kind="orphan", name=f"{ORPHAN[:-1]}2.seed", size_bytes=2**19)
    StrayFile.objects.create(domain=domain, kind="foreign", name="lost+found-backup-2026.tar.zst", size_bytes=3 * GIB)
    StrayFile.objects.create(
        domain=domain,
        kind="missing",
        name=f"{ORPHAN[:-1]}3",
        holder_type="volume",
        holder_id=f"{ORPHAN[:-1]}3",
        holder_name="postgres-data-07",
        seen_at=old,
    )
    type(domain).objects.filter(pk=domain.pk).update(scanned_at=timezone.now())
