"""Services of instance types: what was deleted meanwhile is said to be gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloudia.accounts.actor import Actor
from cloudia.core.policy import ActionDenied
from instances.models import InstanceType
from instances.type_services import instance_type_delete, instance_type_edit
from tests.factories import InstanceTypeFactory, OperatorFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("service", "changes"),
    [(instance_type_edit, {"name": "other"}), (instance_type_delete, {})],
    ids=["edit", "delete"],
)
def test_a_type_that_was_deleted_meanwhile_is_gone(service: Callable[..., Any], changes: dict[str, str]) -> None:
    kind = InstanceTypeFactory.create()
    InstanceType.objects.all().delete()
    with pytest.raises(ActionDenied) as refused:
        service(actor=Actor(OperatorFactory.create()), kind=kind, **changes)
    assert refused.value.denial.code == "gone"
    assert not InstanceType.objects.exists()
