"""How much a project may have of what: apps register what can be counted, services claim before they make."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from cloudia.accounts.models import Project, Quota
from cloudia.core.policy import ActionDenied, Denial, Text

MAX_LIMIT = 1_000_000  # beyond what anybody counts; PostgreSQL keeps up to 2**31 - 1


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that is limited. ``default`` is every project's limit, unless an operator has set another.

    Limits are whole numbers. What is counted need not be: 1536 MiB are 1.5 of a limit in GiB, exactly.
    """

    name: str
    label: Text
    default: int
    count: Callable[[Project], float]


@dataclass(frozen=True, slots=True)
class Level:
    """How far a quota is used up."""

    resource: Resource
    used: float
    limit: int

    def shortage(self, more: float) -> Denial | None:
        """Why ``more`` do not fit in any more; None if they do. Who gives something back is never refused."""
        return _exceeded(self) if more > 0 and self.used + more > self.limit else None


_resources: dict[str, Resource] = {}


def register(resource: Resource) -> None:
    """Add something that is limited; called at start-up. Raises ValueError if the name is taken."""
    if _resources.setdefault(resource.name, resource) is not resource:
        raise ValueError(f"quota {resource.name!r} is registered twice")


def resources() -> list[Resource]:
    """Everything that is limited."""
    return list(_resources.values())


def level(project: Project, name: str) -> Level:
    """How far one quota is used up now."""
    resource = _resources[name]
    own = Quota.objects.filter(project=project, resource=name).values_list("limit", flat=True).first()
    return Level(resource, resource.count(project), resource.default if own is None else own)


def levels(project: Project) -> list[Level]:
    """All of a project's quotas."""
    return [level(project, name) for name in _resources]


def claim(project: Project, name: str, more: int = 1) -> None:
    """Make sure that ``more`` fit in, in the transaction that makes them.

    The project's row stays locked until that ends, so parallel claims are counted one after the other. Raises
    ActionDenied (``quota_exceeded``).
    """
    if denial := claim_denial(project, name, more):
        raise ActionDenied(denial)


def claim_denial(project: Project, name: str, more: float = 1) -> Denial | None:
    """The same for those who say at which field: why ``more`` do not fit in, or None."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    return level(project, name).shortage(more)


def shown(amount: float) -> float:
    """For people: at most two decimals, rounded up, so that never less seems to be used than is."""
    return math.ceil(amount) if amount == int(amount) else math.ceil(amount * 100) / 100


def _exceeded(found: Level) -> Denial:
    message = _("The project may have %(limit)s of “%(what)s” and has %(used)s.")
    words = {"limit": found.limit, "what": found.resource.label, "used": shown(found.used)}
    return Denial("quota_exceeded", message % words)
