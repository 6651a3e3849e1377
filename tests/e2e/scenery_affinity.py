"""Affinity groups of the gallery: one that is kept, one that is not, one that is switched off and has no members."""

from __future__ import annotations

from typing import Any

APART, TOGETHER, OFF = "db-separate", "야간 정산 모음", "old-batch"
NOTE = "주·대기 데이터베이스를 서로 다른 물리 머신에 둡니다."
WORDS = (APART, TOGETHER, OFF, NOTE)
MEMBERS = {
    APART: ("db-replica-01", "db-primary-postgresql-15-서울리전-결제정산-운영"),
    TOGETHER: ("batch-settlement-nightly", "정산-보고서-생성기"),
}


def affinity(project: Any, instances: list[Any]) -> None:
    """The instances named above are their members."""
    apart = _made(project, name=APART, description=NOTE)
    together = _made(project, name=TOGETHER, policy="affinity", hard=False)
    _made(project, name=OFF, enabled=False)
    for group in (apart, together):
        for instance in instances:
            if instance.name in MEMBERS[group.name]:
                _join(instance, group)


def hostile_affinity(project: Any, instance: Any, name: str) -> None:
    """With a name and a note that try to break pages."""
    _join(instance, _made(project, name=name, description=name))


def _made(project: Any, **values: Any) -> Any:
    from tests.factories import AffinityGroupFactory  # after django.setup

    return AffinityGroupFactory.create(project=project, **values)


def _join(instance: Any, group: Any) -> None:
    type(instance).objects.filter(pk=instance.pk).update(affinity_group=group)
