"""Security groups and their rules. Changes act on running guests at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from cloudia.accounts import quotas
from cloudia.accounts.actor import Actor
from cloudia.accounts.audit import audited
from cloudia.accounts.models import Project
from cloudia.core.faults import Faults
from cloudia.core.policy import ActionDenied, gone
from cloudia.core.rows import check_description, check_name, checked, locked
from networking import policies
from networking.enums import Direction, Protocol
from networking.models import SecurityGroup, SecurityGroupRule
from networking.services.rules import RuleWish, check_rules

EVERYWHERE = ("0.0.0.0/0", "::/0")


def outbound_all() -> list[RuleWish]:
    """What a new group starts with: its members reach everything."""
    return [RuleWish(direction=Direction.OUT, protocol=Protocol.ANY, cidr=network) for network in EVERYWHERE]


@audited("security_group.create", target="project")
def group_create(*, actor: Actor, project: Project, name: str, description: str = "") -> SecurityGroup:
    """A new group that lets everything out and nothing in. Raises ActionDenied (``quota_exceeded``) or InputError."""
    policies.CREATE_GROUP.check(project, actor)
    quotas.claim(project, "security_groups")
    quotas.claim(project, "security_group_rules", len(EVERYWHERE))
    group = SecurityGroup(project=project, name=name.strip(), description=description.strip())
    _check(group)
    group.save(force_insert=True)
    _add(group, outbound_all())
    return group


def default_group(project: Project) -> SecurityGroup:
    """The project's default group, made on first use: in from itself, out to everywhere."""
    if found := project.security_groups.filter(is_default=True).first():
        return found
    with override(settings.LANGUAGE_CODE):  # one name for all readers
        name, text = _("default"), _("Instances in this group reach each other and everything outside.")
    group, made = SecurityGroup.objects.get_or_create(
        project=project, is_default=True, defaults={"name": name, "description": text}
    )
    if made:
        _add(group, [RuleWish(direction=Direction.IN, protocol=Protocol.ANY, group=group), *outbound_all()])
    return group


@audited("security_group.edit", target="group")
def group_edit(*, actor: Actor, group: SecurityGroup, **changes: Any) -> SecurityGroup:
    """Change ``name`` or ``description``. Raises ActionDenied or InputError."""
    row = checked(policies.EDIT_GROUP, group, actor)
    row.name = changes.get("name", row.name).strip()
    row.description = changes.get("description", row.description).strip()
    _check(row)
    row.changed_at = timezone.now()
    row.save(update_fields=["name", "description", "changed_at"])
    return row


@audited("security_group.delete", target="group")
def group_delete(*, actor: Actor, group: SecurityGroup) -> None:
    """Remove a group that nothing uses. Raises ActionDenied."""
    row = checked(policies.DELETE_GROUP, group, actor)
    row.rules.all().delete()  # one of them may name the group itself
    row.delete()


@audited("security_group.rules", target="group")
def group_set_rules(*, actor: Actor, group: SecurityGroup, rules: Sequence[RuleWish]) -> SecurityGroup:
    """Make ``rules`` the group's rules: equal ones stay, others go and come. Connections that only a removed rule let
    through end at once. Raises ActionDenied (also ``quota_exceeded``) or InputError with fields ``rules.0.cidr``.
    """
    row = _checked_with_peers(group, rules, actor)
    check_rules(rules, row.project_id)
    current = {RuleWish.of(rule).identity: rule for rule in row.rules.all()}
    wanted = {wish.identity: wish for wish in rules}
    gone = [rule.pk for identity, rule in current.items() if identity not in wanted]
    row.rules.filter(pk__in=gone).delete()
    new = [wish for identity, wish in wanted.items() if identity not in current]
    quotas.claim(row.project, "security_group_rules", len(new))
    _add(row, new)
    for identity, rule in current.items():
        if identity in wanted and wanted[identity].note != rule.description:
            row.rules.filter(pk=rule.pk).update(description=wanted[identity].note)
    return _touched(row)


@audited("security_group.add_rule", target="group")
def rule_create(*, actor: Actor, group: SecurityGroup, rule: RuleWish) -> SecurityGroupRule:
    """One more rule. Raises ActionDenied (also ``quota_exceeded``) or InputError (``duplicate`` if it is there)."""
    row = _checked_with_peers(group, [rule], actor)
    check_rules([rule], row.project_id, prefix="")
    faults = Faults()
    there = any(RuleWish.of(other).identity == rule.identity for other in row.rules.all())
    faults.require(not there, "", "duplicate", _("The group has this rule already."))
    faults.raise_if_any()
    quotas.claim(row.project, "security_group_rules")
    (made,) = _add(row, [rule])
    _touched(row)
    return made


@audited("security_group.remove_rule", target="group")
def rule_delete(*, actor: Actor, group: SecurityGroup, rule: SecurityGroupRule) -> None:
    """One rule less. Raises ActionDenied."""
    row = checked(policies.EDIT_GROUP, group, actor)
    row.rules.filter(pk=rule.pk).delete()
    _touched(row)


def _checked_with_peers(group: SecurityGroup, wishes: Sequence[RuleWish], actor: Actor) -> SecurityGroup:
    """The group, locked, as are those that its rules shall name. Raises ActionDenied, also if one of them has gone."""
    peers = [wish.group for wish in wishes if wish.group]
    held = locked(SecurityGroup, [group, *peers])
    row = checked(policies.EDIT_GROUP, group, actor)
    if not all(peer.pk in held for peer in peers):
        raise ActionDenied(gone())
    return row


def _add(group: SecurityGroup, wishes: Sequence[RuleWish]) -> list[SecurityGroupRule]:
    return SecurityGroupRule.objects.bulk_create([wish.row_in(group) for wish in wishes])


def _touched(group: SecurityGroup) -> SecurityGroup:
    group.changed_at = timezone.now()
    group.save(update_fields=["changed_at"])
    return group


def _check(group: SecurityGroup) -> None:
    faults = Faults()
    siblings = SecurityGroup.objects.filter(project_id=group.project_id).exclude(pk=group.pk)
    check_name(faults, group.name, siblings)
    check_description(faults, group.description)
    faults.raise_if_any()
