"""Which cores and threads a guest's vCPUs are, and how far it can grow."""

from __future__ import annotations

from uuid import UUID

import pytest

from cloudia.core.faults import Faults
from cloudia.virt import Accelerator, DomainSpec
from cloudia.virt.designer import design
from cloudia.virt.xml.domain import Domain
from instances.models import Instance
from instances.wishes import Compute, check_compute


def hardware(compute: Compute) -> Domain:
    """What a guest with it gets from libvirt."""
    instance = Instance(
        threads_per_core=compute.threads_per_core, cores_per_socket=compute.cores, max_vcpus=compute.max_vcpus
    )
    spec = DomainSpec(
        uuid=UUID(int=1),
        name="i-00000000",
        instance_id="1",
        project_id="2",
        accelerator=Accelerator.TCG,
        vcpus=compute.vcpus,
        max_vcpus=compute.max_vcpus,
        memory_mib=512,
        disks=(),
        cores=instance.cores,
        threads_per_core=instance.threads_per_core,
    )
    return design(spec)


def wrong(compute: Compute) -> dict[str, list[str]]:
    """Code of everything that is wrong with it, by field."""
    faults = Faults()
    check_compute(faults, compute)
    return {field: [problem.code for problem in problems] for field, problems in faults.fields.items()}


def by_hand(vcpus: int, threads: int | None, cores: int | None, most: int | None = None) -> Compute:
    return Compute.by_hand(vcpus, 512, most, threads=threads, cores=cores)


@pytest.mark.parametrize(
    ("compute", "topology"),
    [
        (by_hand(1, None, None), (1, 1, 1)),
        (by_hand(3, None, None), (1, 3, 1)),
        (by_hand(8, None, None), (1, 4, 2)),
        (by_hand(2, None, None, 12), (1, 6, 2)),
        (by_hand(2, None, None, 7), (1, 7, 1)),
        (by_hand(8, 2, 4), (1, 4, 2)),
        (by_hand(8, 1, 8), (1, 8, 1)),
        (by_hand(2, 2, 1, 8), (4, 1, 2)),
        (by_hand(3, 1, 3, 9), (3, 3, 1)),
        (by_hand(255, 1, 255), (1, 255, 1)),
    ],
)
def test_sockets_cores_and_threads_make_the_maximum_and_no_more(
    compute: Compute, topology: tuple[int, int, int]
) -> None:
    domain = hardware(compute)
    assert wrong(compute) == {}
    assert (domain.sockets, domain.cores, domain.threads) == topology
    assert topology[0] * topology[1] * topology[2] == domain.vcpus == compute.max_vcpus
    assert domain.current_vcpus == compute.vcpus


@pytest.mark.parametrize(
    ("compute", "problems"),
    [
        (by_hand(8, 2, 3), {"cores": ["topology"]}),
        (by_hand(8, 1, 4), {"cores": ["topology"]}),
        (by_hand(8, 2, 0), {"cores": ["topology"]}),
        (by_hand(8, 2, -4), {"cores": ["topology"]}),
        (by_hand(9, 3, 3), {"threads_per_core": ["out_of_range"]}),
        (by_hand(8, 0, 8), {"threads_per_core": ["out_of_range"], "cores": ["topology"]}),
        (by_hand(8, 2, None), {"cores": ["required"]}),
        (by_hand(8, None, 4), {"threads_per_core": ["required"]}),
        (by_hand(8, 2, 4, 12), {"max_vcpus": ["topology"]}),
        (by_hand(8, 2, 4, 9), {"max_vcpus": ["topology"]}),
        (by_hand(8, 2, 4, 4), {"max_vcpus": ["below_current"]}),
        (by_hand(0, 2, 0), {"vcpus": ["out_of_range"], "max_vcpus": ["out_of_range"]}),
        (by_hand(400, 2, 200), {"vcpus": ["out_of_range"], "max_vcpus": ["out_of_range"]}),
    ],
)
def test_cores_that_make_another_number_of_vcpus_are_refused(compute: Compute, problems: dict[str, list[str]]) -> None:
    assert wrong(compute) == problems
