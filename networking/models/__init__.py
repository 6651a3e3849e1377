"""Networks as tenants make them, and what is known of putting them into effect."""

from networking.models.resources import (
    MAX_PORT,
    VPC,
    ExternalNetwork,
    FloatingIP,
    NetworkInterface,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
)
from networking.models.state import HostNetwork, NetworkChange, NetworkRepair, NetworkState
from networking.models.trace import Trace

__all__ = [
    "MAX_PORT",
    "VPC",
    "ExternalNetwork",
    "FloatingIP",
    "HostNetwork",
    "NetworkChange",
    "NetworkInterface",
    "NetworkRepair",
    "NetworkState",
    "SecurityGroup",
    "SecurityGroupRule",
    "Subnet",
    "Trace",
]
