"""Instance types of the gallery: public ones, a project's own, one that is no longer offered; most are in use."""

from __future__ import annotations

from typing import Any

SIZES = {"소형": (1, 2), "표준": (2, 4), "대형": (4, 8), "메모리 최적화": (8, 64)}  # vCPUs, GiB
OWN, OWN_SIZE, OWN_NOTE = "결제 데이터베이스", (16, 64), "결제·정산 데이터베이스 전용"
RETIRED, RETIRED_SIZE, RETIRED_NOTE = "구형 표준", (8, 32), "새 인스턴스에는 표준을 쓰세요."
WORDS = (*SIZES, OWN, OWN_NOTE, RETIRED, RETIRED_NOTE)


def types(project: Any, instances: list[Any]) -> None:
    """Every instance of a type's size was made of it."""
    for name, size in SIZES.items():
        _made(name, size, instances)
    _made(OWN, OWN_SIZE, instances, project=project, description=OWN_NOTE)
    _made(RETIRED, RETIRED_SIZE, instances, active=False, description=RETIRED_NOTE)


def hostile_type(project: Any, instance: Any, name: str) -> None:
    """With a name and a note that try to break pages. Names of types end after 64 characters."""
    _made(name[:64], (2, 2), [instance], project=project, description=name)


def _made(name: str, size: tuple[int, int], instances: list[Any], **values: Any) -> None:
    from tests.factories import InstanceTypeFactory  # after django.setup

    vcpus, memory_gib = size
    kind = InstanceTypeFactory.create(name=name, vcpus=vcpus, memory_mib=memory_gib * 1024, **values)
    same = [row.pk for row in instances if (row.vcpus, row.memory_mib) == (vcpus, memory_gib * 1024)]
    type(instances[0]).objects.filter(pk__in=same).update(instance_type=kind)
