"""What people ask of launch templates."""

from __future__ import annotations

from dataclasses import replace

from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.accounts.models import Project
from cloudia.core.errors import InputError
from cloudia.core.faults import Faults
from cloudia.core.rows import check_description, check_name, checked, locked
from instances import policies
from instances.launch_templates import LaunchTemplate
from instances.request_body import content_of
from instances.wishes import InstanceWish, check_wish

CONTENT = "content."  # before what is wrong with the instance that the template would make
STAND_IN = "template"  # for the instance's name, which a template does not have


@audited("launch_template.create", target="project")
def launch_template_create(
    *, actor: Actor, project: Project, name: str, wish: InstanceWish, description: str = ""
) -> LaunchTemplate:
    """Keep how an instance shall be made, if one could be made so now. Raises ActionDenied or InputError, with what is
    wrong with the instance below ``content.``."""
    policies.CREATE_TEMPLATE.check(project, actor)
    template = LaunchTemplate(
        project=project, name=name.strip(), description=description.strip(), created_by=actor.user
    )
    wish, faults = _general(wish), Faults()
    try:
        check_wish(wish, project, actor)
    except InputError as error:
        faults.include(error, CONTENT)
    _check_naming(faults, template)
    faults.raise_if_any()
    template.content = content_of(wish)
    template.save(force_insert=True)
    return template


@audited("launch_template.edit", target="template")
def launch_template_edit(
    *, actor: Actor, template: LaunchTemplate, name: str | None = None, description: str | None = None
) -> LaunchTemplate:
    """Change what is given. Raises ActionDenied or InputError."""
    row = checked(policies.EDIT_TEMPLATE, template, actor)
    row.name = row.name if name is None else name.strip()
    row.description = row.description if description is None else description.strip()
    faults = Faults()
    _check_naming(faults, row)
    faults.raise_if_any()
    row.save(update_fields=["name", "description"])
    return row


@audited("launch_template.delete", target="template")
def launch_template_delete(*, actor: Actor, template: LaunchTemplate) -> None:
    """Forget it; instances made of it stay as they are. Raises ActionDenied."""
    checked(policies.DELETE_TEMPLATE, template, actor).delete()


def _general(wish: InstanceWish) -> InstanceWish:
    """The wish without what can be one instance's only, and without its password."""
    return replace(
        wish,
        name=STAND_IN,
        interfaces=tuple(replace(nic, address="") for nic in wish.interfaces),
        volumes=tuple(disk for disk in wish.volumes if disk.volume is None),
        guest=replace(wish.guest, password=""),
    )


def _check_naming(faults: Faults, template: LaunchTemplate) -> None:
    """In a project one name is given after the other. Its row is locked last, as everywhere."""
    locked(Project, [template.project])
    siblings = LaunchTemplate.objects.filter(project_id=template.project_id).exclude(pk=template.pk)
    check_name(faults, template.name, siblings)
    check_description(faults, template.description)
