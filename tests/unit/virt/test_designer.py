"""What CloudiA makes of a guest's description. After a wanted change: look at the diff of the golden file."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from cloudia.virt import Accelerator, DiskSpec, DomainSpec, FilesystemSpec, NicSpec, SeedSpec
from cloudia.virt.designer import SPARE_PORTS, design, disk_serial, letters
from cloudia.virt.xml.domain import Domain
from tests.unit.virt.schemas import GOLDEN, assert_valid

ROOT_DISK = DiskSpec("fast", "d-7f3c2a91-0", serial="0198c5a0-7f3c-7a91-8000-000000000002", bootable=True)
DATA_DISK = DiskSpec("bulk", "d-7f3c2a91-1", serial="short-1", format="raw", position=1)
NIC = NicSpec(UUID("0198c5a0-7f3c-7a91-8000-00000000000a"), "52:54:00:12:34:56", mtu=1442)
SMALL = DomainSpec(
    uuid=UUID("7f3c2a91-0000-4000-8000-000000000001"),
    name="i-7f3c2a91",
    instance_id="7f3c2a91-0000-4000-8000-000000000001",
    project_id="0198c5a0-0000-7000-8000-000000000009",
    accelerator=Accelerator.TCG,
    vcpus=1,
    memory_mib=512,
    disks=(ROOT_DISK,),
    nics=(replace(NIC, offloads=False),),
)
GROWING = replace(
    SMALL,
    accelerator=Accelerator.KVM,
    vcpus=2,
    max_vcpus=8,
    cores=2,
    threads_per_core=2,
    memory_mib=2048,
    max_memory_mib=8192,
    disks=(ROOT_DISK, DATA_DISK),
    nics=(NIC, NicSpec(UUID("0198c5a0-7f3c-7a91-8000-00000000000b"), "52:54:00:12:34:57", mtu=8942)),
)
SHARING = replace(
    SMALL,
    max_memory_mib=2048,
    filesystems=(FilesystemSpec("fs-1", "/srv/a b"), FilesystemSpec("fs-2", "/srv/c")),
    seed=SeedSpec("fast", "7f3c2a91.seed"),
)
WITH_GPU = replace(SMALL, accelerator=Accelerator.KVM, passthrough=("0000:65:00.0", "0000:65:00.1"))
SPECS = {"small-tcg": SMALL, "growing-kvm": GROWING, "sharing-tcg": SHARING, "gpu-kvm": WITH_GPU}


def password_of(domain: Domain) -> str:
    (graphics,) = domain.graphics
    return graphics.password or ""


@pytest.mark.parametrize("name", SPECS)
def test_domain_looks_like_its_golden_file(name: str) -> None:
    domain = design(SPECS[name])
    for graphics in domain.graphics:
        graphics.password = "random"
    assert f"{domain}\n" == (GOLDEN / f"{name}.xml").read_text()


@pytest.mark.parametrize("name", SPECS)
def test_domain_obeys_libvirt_schema(name: str) -> None:
    assert_valid(str(design(SPECS[name])), "domain")


@pytest.mark.parametrize("text", ["'/><disk/>", "“이름” & <b>", "🐢"])
def test_domain_with_hostile_ids_obeys_libvirt_schema(text: str) -> None:
    assert_valid(str(design(replace(SMALL, project_id=text, instance_id=text))), "domain")


def test_screen_password_is_another_every_time() -> None:
    first, second = password_of(design(SMALL)), password_of(design(SMALL))
    assert first != second
    assert len(first) == 8  # RFB uses no more


def test_topology_multiplies_to_the_maximum() -> None:
    domain = design(replace(GROWING, vcpus=1, max_vcpus=12))
    assert (domain.sockets, domain.cores, domain.threads) == (3, 2, 2)
    assert (domain.current_vcpus, domain.vcpus) == (1, 12)


def test_maximum_below_the_start_means_no_growth() -> None:
    domain = design(replace(SMALL, vcpus=4, max_vcpus=2, max_memory_mib=256))
    assert (domain.current_vcpus, domain.vcpus) == (4, 4)
    assert domain.max_memory_mib is None


def test_ports_are_spare_beside_every_disk_and_network_card() -> None:
    def ports(spec: DomainSpec) -> int:
        return sum(controller.model == "pcie-root-port" for controller in design(spec).controllers)

    assert ports(GROWING) == ports(SMALL) + 2  # a disk and a network card more
    assert ports(SMALL) > SPARE_PORTS


def test_network_card_is_known_to_ovn_by_the_id_of_the_interface() -> None:
    cards = design(GROWING).interfaces
    assert [(card.port, card.mac, card.mtu) for card in cards] == [(str(n.id), n.mac, n.mtu) for n in GROWING.nics]


@pytest.mark.parametrize("name", SPECS)
def test_memory_is_shared_only_with_directories(name: str) -> None:
    domain, shared = design(SPECS[name]), bool(SPECS[name].filesystems)
    assert (domain.memory_source, domain.memory_access) == (("memfd", "shared") if shared else (None, None))
    assert {cell.access for cell in domain.cells} <= ({"shared"} if shared else {None})


def test_only_bootable_disks_are_booted_from() -> None:
    assert [disk.boot_order for disk in design(GROWING).disks] == [1, None]


@pytest.mark.parametrize(
    ("volume_id", "serial"),
    [
        ("0198c5a0-7f3c-7a91-8000-000000000002", "0198c5a07f3c7a918000"),
        ("v-1", "v-1"),
        ("x" * 30, "x" * 20),
    ],
)
def test_serial_is_the_volume_id_as_far_as_virtio_carries_it(volume_id: str, serial: str) -> None:
    assert disk_serial(volume_id) == serial


@pytest.mark.parametrize(("index", "name"), [(0, "a"), (25, "z"), (26, "aa"), (27, "ab"), (701, "zz"), (702, "aaa")])
def test_disk_letters_count_like_linux(index: int, name: str) -> None:
    assert letters(index) == name
