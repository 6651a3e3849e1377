"""Rows for tests: real ones in the real database, with everything a row needs unless the test says otherwise.

Call ``InstanceFactory.create(...)``: unlike ``InstanceFactory(...)`` it is typed.
"""

from tests.factories.hosts import GpuFactory, HostFactory, HostNetworkFactory
from tests.factories.instances import (
    AffinityGroupFactory,
    BootDiskFactory,
    DataDiskFactory,
    GuestFactory,
    InstanceFactory,
    InstanceTypeFactory,
    InterfaceFactory,
    LaunchTemplateFactory,
    MountFactory,
    ScriptFactory,
)
from tests.factories.jobs import JobFactory, JobStepFactory, hold
from tests.factories.networks import (
    ExternalNetworkFactory,
    FloatingIPFactory,
    RuleFactory,
    SecurityGroupFactory,
    SubnetFactory,
    VPCFactory,
)
from tests.factories.people import MembershipFactory, OperatorFactory, ProjectFactory, UserFactory
from tests.factories.storage import (
    GIB,
    FileSystemFactory,
    ImageFactory,
    StorageDomainFactory,
    UploadFactory,
    VolumeFactory,
)
from tests.factories.traces import TraceFactory

__all__ = [
    "GIB",
    "AffinityGroupFactory",
    "BootDiskFactory",
    "DataDiskFactory",
    "ExternalNetworkFactory",
    "FileSystemFactory",
    "FloatingIPFactory",
    "GpuFactory",
    "GuestFactory",
    "HostFactory",
    "HostNetworkFactory",
    "ImageFactory",
    "InstanceFactory",
    "InstanceTypeFactory",
    "InterfaceFactory",
    "JobFactory",
    "JobStepFactory",
    "LaunchTemplateFactory",
    "MembershipFactory",
    "MountFactory",
    "OperatorFactory",
    "ProjectFactory",
    "RuleFactory",
    "ScriptFactory",
    "SecurityGroupFactory",
    "StorageDomainFactory",
    "SubnetFactory",
    "TraceFactory",
    "UploadFactory",
    "UserFactory",
    "VPCFactory",
    "VolumeFactory",
    "hold",
]
