"""The network interfaces of an instance, as rows. OVN hears of them from the networking app."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Max

from instances.models import Instance, InstanceInterface
from networking.models import NetworkInterface
from networking.services.interfaces import InterfaceWish, Owner, interfaces_create, interfaces_delete


def interfaces_record(instance: Instance, wishes: Sequence[InterfaceWish]) -> list[InstanceInterface]:
    """Give ``instance`` an interface for each wish, after those it has. In the transaction that makes the instance,
    or with its row locked. Raises InputError with fields ``interfaces.0.ip_address`` and so on.
    """
    owner = Owner(id=instance.pk, name=instance.name, short_id=instance.short_id)
    last = instance.interfaces.aggregate(last=Max("position"))["last"]
    start = 0 if last is None else last + 1
    made = interfaces_create(owner=owner, wishes=wishes)
    links = [
        InstanceInterface(instance=instance, interface=interface, position=start + number)
        for number, interface in enumerate(made)
    ]
    return InstanceInterface.objects.bulk_create(links)


def interface_forget(link: InstanceInterface) -> None:
    """The instance has it no more; its address is free. In a transaction."""
    interface = link.interface
    link.delete()
    interfaces_delete([interface])


def interfaces_forget(instance: Instance) -> None:
    """The instance is gone: so are its interfaces."""
    interfaces = list(NetworkInterface.objects.filter(attachment__instance=instance))
    instance.interfaces.all().delete()
    interfaces_delete(interfaces)
