"""What was asked about packets."""

# mypy: disable-error-code="no-untyped-call"
# (factory_boy's declarations have no annotations)

from __future__ import annotations

from factory.declarations import (
    LazyFunction,
    SelfAttribute,
)
from factory.django import DjangoModelFactory

from networking.models import (
    Trace,
)
from tests.factories.instances import InterfaceFactory


class TraceFactory(DjangoModelFactory[Trace]):
    """Does TCP 80 get from an interface to 10.0.0.99? Nobody has answered yet."""

    class Meta:
        model = Trace

    source = LazyFunction(lambda: InterfaceFactory.create().interface)
    project = SelfAttribute("source.project")
    address = "10.0.0.99"
    protocol = "tcp"
    port = 80
