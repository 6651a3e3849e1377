"""A host: how to reach it, what the operator wants of it, and what the watcher last saw."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core import secrets
from cloudia.core.display import DisplayState
from cloudia.core.policy import Text
from cloudia.core.text import in_current_language
from cloudia.hosts.enums import ACTIVE, IN_MAINTENANCE, NOT_SEEN, UNREACHABLE, AcceleratorChoice, HostState
from cloudia.jobs.models import Lockable
from cloudia.virt import Accelerator, Endpoint

SCHEMES = frozenset({"qemu", "qemu+unix", "qemu+ssh", "qemu+libssh2", "qemu+tls", "qemu+tcp", "test"})


def validate_uri(uri: str) -> None:
    """Only libvirt's QEMU transports (and its test driver): https://libvirt.org/uri.html."""
    try:
        parts = urlsplit(uri)
        usable = parts.scheme in SCHEMES and bool(parts.path.strip("/"))
    except ValueError:  # brackets that are no IPv6 address
        usable = False
    if not usable:
        raise ValidationError(_("Enter a libvirt URI, like qemu:///system or qemu+tls://host/system."))
    if parts.password:
        raise ValidationError(_("Enter the password in its own field: it would be readable here."))


class Host(Lockable):
    """물리 머신. ``observed`` fields are written by the watcher alone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=64, unique=True)
    uri = models.CharField(_("libvirt URI"), max_length=512, unique=True, validators=[validate_uri])
    username = models.CharField(_("user name"), max_length=128, blank=True, help_text=_("For SASL, if libvirtd asks."))
    sealed_password = models.TextField(blank=True, editable=False)
    state = models.CharField(_("state"), max_length=16, choices=HostState, default=HostState.ACTIVE)
    accelerator_choice = models.CharField(
        _("accelerator"), max_length=8, choices=AcceleratorChoice, default=AcceleratorChoice.AUTO
    )
    vcpu_ratio = models.DecimalField(
        _("vCPUs per CPU"), max_digits=5, decimal_places=2, default=4, validators=[MinValueValidator(0.1)]
    )
    reserved_memory_mib = models.PositiveIntegerField(
        _("reserved memory (MiB)"), default=1024, help_text=_("Kept for the host itself.")
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    # observed
    reachable = models.BooleanField(_("reachable"), default=False, editable=False)
    last_seen_at = models.DateTimeField(_("last seen"), null=True, editable=False)
    problem_texts = models.JSONField(default=dict, editable=False)  # why it can't be reached, by language code
    hostname = models.CharField(_("host name"), max_length=255, blank=True, editable=False)
    cpu_model = models.CharField(_("CPU model"), max_length=128, blank=True, editable=False)
    cpus = models.PositiveIntegerField(_("CPUs"), default=0, editable=False)
    memory_mib = models.PositiveIntegerField(_("memory (MiB)"), default=0, editable=False)
    libvirt_version = models.CharField(max_length=32, blank=True, editable=False)
    qemu_version = models.CharField(max_length=32, blank=True, editable=False)
    accelerators = models.JSONField(default=list, editable=False)  # values of Accelerator that really work
    features = models.JSONField(default=list, editable=False)  # values of Feature

    class Meta:
        verbose_name = _("host")
        verbose_name_plural = _("hosts")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def endpoint(self) -> Endpoint:
        """How the gateway reaches it."""
        return Endpoint(self.uri, self.username, secrets.unseal(self.sealed_password))

    def set_password(self, password: str) -> None:
        """Keep the password sealed; it is never shown again."""
        self.sealed_password = secrets.seal(password)

    @property
    def accelerator(self) -> Accelerator:
        """What guests are run with here: as chosen, or the best that works."""
        if self.accelerator_choice != AcceleratorChoice.AUTO:
            return Accelerator(self.accelerator_choice)
        return Accelerator.KVM if Accelerator.KVM in self.accelerators else Accelerator.TCG

    @property
    def problem(self) -> str:
        """Why it can't be reached, in the reader's language."""
        return in_current_language(self.problem_texts)

    @property
    def unseen_for(self) -> timedelta | None:
        """How long ago it last answered, or None if it never did."""
        return timezone.now() - self.last_seen_at if self.last_seen_at else None

    @property
    def allocatable_vcpus(self) -> int:
        """vCPUs that running guests may have in all."""
        return int(self.cpus * self.vcpu_ratio)

    @property
    def allocatable_memory_mib(self) -> int:
        """MiB that running guests may have in all: memory is never overcommitted."""
        return max(self.memory_mib - self.reserved_memory_mib, 0)

    @property
    def usable_gpus(self) -> int:
        """GPUs that guests can have, each one to itself."""
        return sum(gpu.usable for gpu in self.gpus.all())

    @property
    def short_id(self) -> str:
        """A readable id."""
        return f"h-{self.id.hex[:8]}"

    @property
    def state_label(self) -> str:
        """The state for people."""
        return self.get_state_display()

    @property
    def display_state(self) -> DisplayState:
        """What is most urgent to know: that it does not answer, else what the operator wants of it."""
        if not self.reachable:
            state = UNREACHABLE if self.problem_texts else NOT_SEEN
            return replace(state, note=self.problem)
        return IN_MAINTENANCE if self.state == HostState.MAINTENANCE else ACTIVE


class Gpu(models.Model):
    """A graphics processor of a host, which one guest can have to itself. Written by the watcher alone.

    ``functions`` are the PCI addresses that go to the guest with it, ``sharers`` those that would have to and can't.
    """

    host = models.ForeignKey(Host, models.CASCADE, related_name="gpus")
    address = models.CharField(_("PCI address"), max_length=16)
    vendor = models.CharField(_("vendor"), max_length=255, blank=True)
    vendor_id = models.CharField(max_length=8, blank=True)
    product = models.CharField(_("product"), max_length=255, blank=True)
    product_id = models.CharField(max_length=8, blank=True)
    iommu_group = models.PositiveIntegerField(_("IOMMU group"), null=True)
    numa_node = models.PositiveSmallIntegerField(_("NUMA node"), null=True)
    functions = models.JSONField(default=list)
    sharers = models.JSONField(default=list)
    present = models.BooleanField(default=True)  # one that a guest has is remembered when the host lost it

    class Meta:
        verbose_name = _("GPU")
        verbose_name_plural = _("GPUs")
        ordering = ["host", "address"]
        constraints = [models.UniqueConstraint(fields=["host", "address"], name="gpu_once")]

    def __str__(self) -> str:
        """What it is sold as: in the PCI IDs' list that stands in brackets behind the name of the chip."""
        sold_as = re.search(r"\[(.+)\]", self.product)
        return sold_as[1] if sold_as else self.product or f"{self.vendor_id}:{self.product_id}"

    @property
    def problem(self) -> Text:
        """Why no guest can have it, or nothing."""
        if not self.present:
            return _("The host does not have it any more.")
        if self.iommu_group is None:
            return _("It is in no IOMMU group: switch the IOMMU on in the firmware and the kernel of the host.")
        if self.sharers:
            others = ", ".join(self.sharers)
            return format_lazy(_("It shares its IOMMU group with other devices: {others}."), others=others)
        return ""

    @property
    def usable(self) -> bool:
        """Whether a guest can have it, now or when another gives it back."""
        return not self.problem
