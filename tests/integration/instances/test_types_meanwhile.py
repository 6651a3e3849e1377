"""Instance types that go while an instance is made of them."""

from __future__ import annotations

import pytest
from django.db import transaction

from cloudia.accounts.actor import Actor
from cloudia.core.errors import InputError
from instances.models import Instance, InstanceType
from instances.type_services import instance_type_delete
from instances.wishes import Compute
from tests.factories import InstanceTypeFactory, OperatorFactory
from tests.integration.instances.test_create import Tenant, meanwhile

pytestmark = pytest.mark.django_db(transaction=True)


def test_type_that_is_just_being_deleted_is_not_usable() -> None:
    tenant, operator, kind = Tenant(), Actor(OperatorFactory.create()), InstanceTypeFactory.create()
    with transaction.atomic():
        instance_type_delete(actor=operator, kind=kind)
        creating = meanwhile(lambda: tenant.create(compute=Compute.of_type(kind)))
        assert not creating.done()
    with pytest.raises(InputError) as refused:
        creating.result(30)
    assert set(refused.value.fields) == {"instance_type"}
    assert not Instance.objects.exists()


def test_instance_that_is_just_made_of_a_type_loses_it_when_it_goes() -> None:
    tenant, operator, kind = Tenant(), Actor(OperatorFactory.create()), InstanceTypeFactory.create(vcpus=1)
    with transaction.atomic():
        tenant.create(compute=Compute.of_type(kind))
        deleting = meanwhile(lambda: instance_type_delete(actor=operator, kind=kind))
        assert not deleting.done()
    deleting.result(30)
    assert not InstanceType.objects.exists()
    assert (Instance.objects.get().instance_type, Instance.objects.get().vcpus) == (None, 1)
