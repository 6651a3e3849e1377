"""Who may bring in images and give storage to hosts."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloudia.accounts.enums import Permission
from cloudia.core.policy import Action, Denial


def is_local_to_another_host() -> Denial:
    """The same path on two hosts is two directories."""
    return Denial(
        "local_storage", gettext("A local directory belongs to one host. Use a shared directory for several.")
    )


CREATE_DOMAIN = Action(name="create", label=_("Create storage domain"), permission=Permission.ADMINISTER, icon="plus")
ATTACH = Action(name="attach", label=_("Attach to host"), permission=Permission.ADMINISTER, icon="server")
# Of a public image, which has no project, only operators may ask this.
IMPORT = Action(name="import", label=_("Import image"), permission=Permission.MANAGE, icon="upload")
