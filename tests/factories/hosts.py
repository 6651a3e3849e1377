"""Where guests run."""

# mypy: disable-error-code="no-untyped-call"
# (factory_boy's declarations have no annotations)

from __future__ import annotations

from django.utils import timezone
from factory.declarations import (
    LazyAttribute,
    LazyFunction,
    RelatedFactory,
    SelfAttribute,
    Sequence,
    SubFactory,
)
from factory.django import DjangoModelFactory

from cloudia.hosts.models import Gpu, Host
from networking.models import (
    HostNetwork,
)


class HostNetworkFactory(DjangoModelFactory[HostNetwork]):
    """A host's place in the network."""

    class Meta:
        model = HostNetwork

    chassis = LazyAttribute(lambda network: network.host.name)
    physical_networks = LazyFunction(lambda: ["public"])


class HostFactory(DjangoModelFactory[Host]):
    """A host that answers, is connected and has room: 16 CPUs, 64 GiB; ``network=None`` leaves it unconnected."""

    class Meta:
        model = Host
        skip_postgeneration_save = True

    network = RelatedFactory(HostNetworkFactory, factory_related_name="host")

    name = Sequence(lambda n: f"kvm-{n:02}")
    uri = LazyAttribute(lambda host: f"qemu+tls://{host.name}/system")
    reachable = True
    last_seen_at = LazyFunction(timezone.now)
    hostname = SelfAttribute("name")
    cpu_model = "Skylake-Server"
    cpus = 16
    memory_mib = 65_536
    libvirt_version = "9.0.0"
    qemu_version = "7.2.9"
    accelerators = LazyFunction(lambda: ["kvm", "tcg"])


class GpuFactory(DjangoModelFactory[Gpu]):
    """A GPU that guests can have, alone in its IOMMU group."""

    class Meta:
        model = Gpu

    host = SubFactory(HostFactory)
    address = Sequence(lambda n: f"0000:{n % 250 + 5:02x}:00.0")
    vendor, vendor_id = "NVIDIA Corporation", "0x10de"
    product, product_id = "GA100 [A100 PCIe 80GB]", "0x20b5"
    iommu_group = 15
    functions = LazyAttribute(lambda gpu: [gpu.address])
