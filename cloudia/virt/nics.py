"""Network interfaces of a domain that come and go."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext_lazy as _

from cloudia.virt.designer import nic_element
from cloudia.virt.devices import DETACH_TIMEOUT_S, Device, Devices
from cloudia.virt.types import NicSpec
from cloudia.virt.xml.domain import Domain, Interface


class NicDevices(Devices):
    """Network interfaces of one host's domains, by the domain's UUID and the interface's id. Raises CloudiaError."""

    def attach_nic(self, uuid: UUID, spec: NicSpec) -> None:
        """Plug it in, in the definition and in the running guest; nothing if it is there."""
        self._plug_in(uuid, _nic(spec.id), nic_element(spec))

    def detach_nic(self, uuid: UUID, nic_id: UUID, timeout_s: float = DETACH_TIMEOUT_S) -> None:
        """Unplug it, in the definition and in the running guest; nothing if it is gone.

        Raises OperationFailed (``guest_keeps_device``) when the guest has not let go within ``timeout_s``: then the
        definition has it again.
        """
        self._unplug(uuid, _nic(nic_id), timeout_s)


def _nic(nic_id: UUID) -> Device:
    def find(domain: Domain) -> Interface | None:
        return next((nic for nic in domain.interfaces if nic.port == str(nic_id)), None)

    return Device(
        find=find,
        missing=_("The guest does not have this network interface."),
        missing_code="interface_missing",
        kept=_("The guest does not let go of the network interface. Try again when it has started."),
    )
