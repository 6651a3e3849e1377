"""디스크 of an instance: what the dialogs say before they are answered."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import BootDiskFactory, DataDiskFactory, MembershipFactory, StorageDomainFactory, VolumeFactory

pytestmark = pytest.mark.django_db


def test_dialogs_offer_what_fits_and_say_what_to_heed() -> None:
    member = MembershipFactory.create()
    boot = BootDiskFactory.create(instance__project=member.project, instance__power_state="running")
    instance, domain = boot.instance, boot.volume.storage_domain
    data = DataDiskFactory.create(instance=instance)
    free = VolumeFactory.create(project=member.project, storage_domain=domain, name="free")
    slow = VolumeFactory.create(project=member.project, storage_domain=StorageDomainFactory.create(name="slow"))
    browser = Client(headers={"HX-Request": "true"})
    browser.force_login(member.user, backend="cloudia.accounts.backends.PeopleBackend")

    def shown(name: str, pk: object, query: str = "") -> str:
        answer = browser.get(reverse(name, args=[pk]) + query)
        assert answer.status_code == 200
        return answer.content.decode()

    add = shown("disk-add", instance.pk)
    assert f'<option value="{free.pk}">' in add
    assert f'<option value="{slow.pk}" disabled>' in add
    assert 'name="size_gib"' in shown("disk-add", instance.pk, "?how=new")
    assert str(instance.pk) in shown("volume-attach", free.pk)
    assert "umount" in shown("volume-detach", data.volume_id)
    assert "growpart" in shown("volume-resize", data.volume_id)


def test_dialog_opens_with_a_new_volume_where_none_can_be_taken() -> None:
    member = MembershipFactory.create()
    boot = BootDiskFactory.create(instance__project=member.project)
    browser = Client(headers={"HX-Request": "true"})
    browser.force_login(member.user, backend="cloudia.accounts.backends.PeopleBackend")
    address = reverse("disk-add", args=[boot.instance_id])

    def makes(query: str = "") -> bool:
        return 'name="size_gib"' in browser.get(address + query).content.decode()

    assert makes(), "the project has no volume"
    assert not makes("?how=existing"), "what was chosen stays"
    VolumeFactory.create(project=member.project, storage_domain=StorageDomainFactory.create(name="slow"))
    assert makes(), "none that fits"
    VolumeFactory.create(project=member.project, storage_domain=boot.volume.storage_domain)
    assert not makes()
    assert makes("?how=new")
