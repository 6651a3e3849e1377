"""What a host can do, concluded from what its libvirt says."""

from __future__ import annotations

import pytest

from cloudia.virt import Accelerator, Feature
from cloudia.virt.describe import cpu_features, features, version, working_accelerators
from cloudia.virt.xml.capabilities import Capabilities, DomainCapabilities, HostCpu

OFFER = """<capabilities><host><cpu><arch>{arch}</arch></cpu></host>
<guest><os_type>hvm</os_type><arch name='{arch}'>{types}</arch></guest>
<guest><os_type>hvm</os_type><arch name='riscv64'><domain type='qemu'/><domain type='kvm'/></arch></guest>
</capabilities>"""
BOTH = "<domain type='qemu'/><domain type='kvm'/>"


@pytest.mark.parametrize(
    ("arch", "types", "flags", "working"),
    [
        ("x86_64", BOTH, {"vmx"}, {Accelerator.KVM, Accelerator.TCG}),
        ("x86_64", BOTH, {"svm"}, {Accelerator.KVM, Accelerator.TCG}),
        ("x86_64", BOTH, {"sse2"}, {Accelerator.TCG}),
        ("x86_64", "<domain type='qemu'/>", {"vmx"}, {Accelerator.TCG}),
        ("x86_64", "<domain type='kvm'/>", {"vmx"}, {Accelerator.KVM}),
        ("aarch64", BOTH, set(), {Accelerator.KVM, Accelerator.TCG}),
    ],
)
def test_kvm_works_where_it_is_offered_and_the_cpu_has_it(
    arch: str, types: str, flags: set[str], working: set[Accelerator]
) -> None:
    capabilities = Capabilities.parse(OFFER.format(arch=arch, types=types))
    (cpu,) = capabilities.cpus
    assert working_accelerators(capabilities, cpu, frozenset(flags)) == working


class Expanding:
    """A connection that expands a CPU as libvirt 11 does: from a model that has what this CPU has not."""

    def baselineCPU(self, cpus: list[str], flags: int) -> str:  # noqa: N802  libvirt's name
        return "<cpu><feature policy='require' name='sse2'/><feature policy='disable' name='svm'/></cpu>"


def test_flag_that_only_the_cpus_model_has_is_none() -> None:
    cpu = HostCpu.parse("<cpu><arch>x86_64</arch><model>EPYC</model></cpu>")
    assert cpu_features(Expanding(), cpu) == {"sse2"}


EVERYTHING = """<domainCapabilities>
<os supported='yes'><enum name='firmware'><value>bios</value><value>efi</value></enum></os>
<cpu><mode name='host-passthrough' supported='yes'/><mode name='maximum' supported='yes'/></cpu>
<devices><filesystem supported='yes'>
<enum name='driverType'><value>path</value><value>virtiofs</value></enum></filesystem>
<tpm supported='yes'/></devices><features><backup supported='yes'/></features></domainCapabilities>"""


def test_every_feature_is_recognized() -> None:
    assert features(DomainCapabilities.parse(EVERYTHING)) == frozenset(Feature)


def test_feature_that_is_not_spoken_of_or_denied_is_not_there() -> None:
    denied = EVERYTHING.replace("'yes'", "'no'").replace("efi", "x").replace("virtiofs", "x")
    assert features(DomainCapabilities.parse(denied)) == frozenset()
    assert features(DomainCapabilities.parse("<domainCapabilities/>")) == frozenset()


def test_version_is_readable() -> None:
    assert version(9_000_012) == "9.0.12"
