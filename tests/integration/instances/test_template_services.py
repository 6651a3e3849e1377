"""Services of launch templates when several people ask at once."""

from __future__ import annotations

from threading import Barrier
from typing import Any

import pytest

from cloudia.accounts.actor import Actor
from cloudia.core.errors import InputError
from cloudia.core.policy import ActionDenied
from instances.launch_templates import LaunchTemplate
from instances.template_services import launch_template_create, launch_template_delete, launch_template_edit
from tests.factories import LaunchTemplateFactory, OperatorFactory
from tests.integration.networking.tenant import at_once
from tests.parity.test_templates import wish_of

PEOPLE = 6


@pytest.mark.django_db(transaction=True)
def test_of_several_who_give_one_name_at_once_one_gets_it() -> None:
    made = LaunchTemplateFactory.create()
    rows = [LaunchTemplateFactory.create(project=made.project, content={}) for _ in range(PEOPLE // 2)]
    actor, wish, together = Actor(OperatorFactory.create()), wish_of(made), Barrier(PEOPLE)

    def name_it(row: LaunchTemplate | None) -> Any:
        together.wait(30)
        try:
            if row:
                launch_template_edit(actor=actor, template=row, name="web")
            else:
                launch_template_create(actor=actor, project=made.project, name="web", wish=wish)
        except InputError as error:
            return {field: found[0].code for field, found in error.fields.items()}
        return "done"

    answers = at_once(name_it, [*rows, *([None] * (PEOPLE - len(rows)))], PEOPLE)
    assert answers.count("done") == 1
    assert answers.count({"name": "taken"}) == PEOPLE - 1
    assert LaunchTemplate.objects.filter(name="web").count() == 1


@pytest.mark.django_db
def test_a_template_that_was_deleted_meanwhile_is_gone() -> None:
    template, actor = LaunchTemplateFactory.create(), Actor(OperatorFactory.create())
    LaunchTemplate.objects.all().delete()
    for ask in (launch_template_edit, launch_template_delete):
        with pytest.raises(ActionDenied) as refused:
            ask(actor=actor, template=template)
        assert refused.value.denial.code == "gone"
