"""Everywhere a person can be on the gallery: pages, open dialogs, mistakes. What must hold everywhere walks these."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import FilePayload, Page, expect

from tests.browser import Visits
from tests.e2e.gallery import Gallery

Step = Callable[[Page], None]


SELECTED = re.compile(r"\bis-on\b")


@dataclass(frozen=True)
class Place:
    """An address (with names of the gallery's ids in braces), who is there, and what they have done there."""

    name: str
    path: str
    steps: tuple[Step, ...] = ()
    user: str | None = "seoyeon.kim"

    def __str__(self) -> str:
        return self.name

    def visit(self, visits: Visits, gallery: Gallery, language: str = "ko") -> Page:
        """Go there, on a desk, and wait until everything is there."""
        page = visits.tab(self.user, language) if self.user else visits.page(None, language=language)
        page.goto(self.path.format_map(gallery.ids))
        for step in self.steps:
            settle(page)
            step(page)
        settle(page)
        return page


def settle(page: Page) -> None:
    """Wait until htmx has swapped in what it was to fetch; a page fetches itself once more when its stream is up.

    A click that falls into such a swap begins on one button and ends on another: it is none.
    """
    expect(page.locator("body:not([data-live-url]), body[data-stream=up]")).to_have_count(1)
    expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)
    expect(page.locator("#tab-panel [hx-trigger=load]")).to_have_count(0)


def select(*numbers: int) -> Step:
    """Tick rows of a list by their place."""

    def step(page: Page) -> None:
        for number in numbers:
            pick = page.locator("[data-pick]").nth(number)
            pick.check()
            expect(pick.locator("xpath=ancestor::*[@data-id]")).to_have_class(SELECTED)

    return step


def tick(name: str) -> Step:
    """Tick the first box of this name that can be ticked."""

    def step(page: Page) -> None:
        page.locator(f'input[name="{name}"]:enabled').first.check()

    return step


def press(selector: str) -> Step:
    """Click on something that opens a dialog, fetched or not."""

    def step(page: Page) -> None:
        page.locator(selector).first.click()
        expect(page.locator("dialog[open]")).to_have_count(1)

    return step


def add(selector: str) -> Step:
    """Click on something that adds to the page."""

    def step(page: Page) -> None:
        page.locator(selector).click()

    return step


def type_in(name: str, text: str) -> Step:
    """Fill in a field of the open dialog and leave it."""

    def step(page: Page) -> None:
        field = page.locator(f"dialog[open] [name={name}]")
        field.fill(text)
        field.blur()

    return step


def send(form: str) -> Step:
    """Send a form as it is."""

    def step(page: Page) -> None:
        page.locator(f"{form} [type=submit]").last.click()
        page.wait_for_load_state()

    return step


def register(page: Page) -> None:
    """Fill in the dialog of a script and send it."""
    rows = page.locator(".script-rows > li")
    number = rows.count() + 1
    page.locator("[name=script_name]").fill(f"setup-{number}.sh")
    page.locator("[name=script_content]").fill("#!/bin/sh")
    page.locator("#save-script").click()
    expect(rows).to_have_count(number)


def choose_largest(page: Page) -> None:
    """Ask for more than the project may still have."""
    page.locator("#create [name=name]").fill("analytics-01")
    page.locator("[name=instance_type]").last.check()
    expect(page.locator("#summary .over")).to_have_count(2)


def grow(page: Page) -> None:
    """Give a running instance more vCPUs, by the slider."""
    page.locator("[data-pair]").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#plan li")).to_have_count(1)


def mistype(page: Page) -> None:
    """Add a rule that can't be, and save."""
    page.locator("#add-in").click()
    row = page.locator("#rules-in tbody tr").last
    row.locator("[name=in-ports]").fill("9187-10")
    row.locator("[name=in-value]").fill("10.20.3.0/33")
    page.locator("#save-rules").click()
    page.wait_for_load_state()


def choose_file(page: Page) -> None:
    """Choose a file to upload."""
    file = FilePayload(name=FILE, mimeType="application/octet-stream", buffer=b"QFI" + bytes(2000))
    page.locator("[type=file]").set_input_files(file)


FILE = "ubuntu-24.04-server.qcow2"
DATABASE = "db-primary-postgresql-15-서울리전-결제정산-운영"
DETAIL = f"/instances/{{{DATABASE}}}/"
STOPPED = "/instances/{batch-settlement-nightly}/"
DETACHES = "label:has([name=detach])"
MANY_DISKS = "/instances/{db-replica-01}/?tab=disks"
MOUNTS = "/instances/{batch-settlement-nightly}/?tab=filesystems"
AFFINITY = "/instances/{batch-settlement-nightly}/?tab=affinity"
SCRIPTS = "/instances/{db-replica-01}/?tab=scripts"
CAN = ":not([aria-disabled])"
GROUP = "/security-groups/{sg-db}/"

PLACES = [
    Place("login", "/login/", user=None),
    Place("login-refused", "/login/", (send("form.card-body"),), user=None),
    Place("list", "/instances/"),
    Place("list-everywhere", "/instances/?scope=all"),
    Place("list-selected", "/instances/", (select(4, 9),)),
    Place("list-empty", "/instances/", user="newcomer"),
    Place("list-no-match", "/instances/?search=nothing-like-this"),
    Place("list-bulk-stop", "/instances/", (select(4, 9), press('[data-toolbar] [data-act="stop"]'))),
    Place("detail-disks", f"{DETAIL}?tab=disks"),
    Place("detail-many-disks", MANY_DISKS),
    Place("detail-no-disks", "/instances/{mail-relay-01}/?tab=disks"),
    Place("detail-filesystems", MOUNTS),
    Place("detail-filesystems-running", "/instances/{db-replica-01}/?tab=filesystems"),
    Place("detail-filesystems-none", "/instances/{mail-relay-01}/?tab=filesystems"),
    Place("detail-affinity", "/instances/{db-replica-01}/?tab=affinity"),
    Place("detail-affinity-stopped", AFFINITY),
    Place("detail-affinity-none", "/instances/{mail-relay-01}/?tab=affinity"),
    Place("regroup", AFFINITY, (press("#act-regroup"),)),
    Place("detail-scripts", SCRIPTS),
    Place("detail-scripts-open", SCRIPTS, (add("details:last-of-type summary"),)),
    Place("detail-scripts-none", "/instances/{mail-relay-01}/?tab=scripts"),
    Place("detail-jobs", f"{DETAIL}?tab=jobs"),
    Place("detail-interfaces", f"{DETAIL}?tab=interfaces"),
    Place("detail-floating", f"{DETAIL}?tab=floating"),
    Place("detail-busy", "/instances/{gitlab-runner-04}/"),
    Place("detail-failed", "/instances/{staging-api-03}/"),
    Place("detail-unknown", "/instances/{legacy-erp-windows2019}/"),
    Place("detail-owned", "/instances/{web-asg-7d9f4}/"),
    Place("dialog-start", STOPPED, (press("#act-start"),)),
    Place("dialog-stop", DETAIL, (press("#act-stop"),)),
    Place("dialog-reboot", DETAIL, (press("#act-reboot"),)),
    Place("dialog-delete", STOPPED, (press("#act-delete"),)),
    Place("dialog-interface-add", STOPPED, (press("#act-add_interface"),)),
    Place("dialog-interface-guard", STOPPED, (press("[id^=guard-]"),)),
    Place("dialog-interface-move", STOPPED, (press("[id^=move-]"),)),
    Place("dialog-interface-remove", STOPPED, (press("[id^=remove-]:not([aria-disabled])"),)),
    Place("disk-add", MANY_DISKS, (press("#act-add_disk"),)),
    Place("disk-add-refused", MANY_DISKS, (press("#act-add_disk"), add("label:has(#how-new)"), send("dialog form"))),
    Place("disk-add-existing", MANY_DISKS, (press("#act-add_disk"), add("label:has(#how-existing)"))),
    Place("disk-detach", MANY_DISKS, (press(f"[id^=detach-]{CAN}"),)),
    Place("disk-enlarge", MANY_DISKS, (press(f"[id^=resize-]{CAN}"),)),
    Place(
        "disk-enlarge-refused",
        MANY_DISKS,
        (press(f"[id^=resize-]{CAN}"), type_in("size_gib", "1"), send("dialog form")),
    ),
    Place("mount-add", MOUNTS, (press("#act-add_filesystem"),)),
    Place("mount-add-refused", MOUNTS, (press("#act-add_filesystem"), send("dialog form"))),
    Place("mount-edit", MOUNTS, (press("[id^=edit_filesystem-]"),)),
    Place(
        "mount-edit-refused",
        MOUNTS,
        (press("[id^=edit_filesystem-]"), type_in("mount_path", "srv"), send("dialog form")),
    ),
    Place("mount-remove", MOUNTS, (press("[id^=remove_filesystem-]"),)),
    Place("create", "/instances/new/"),
    Place("create-of-template", "/instances/new/?template={template}"),
    Place("create-of-old-template", "/instances/new/?template={template_old}"),
    Place("create-save-template", "/instances/new/", (press("#save-template"),)),
    Place("create-save-template-refused", "/instances/new/", (press("#save-template"), send("#dialog form"))),
    Place("create-two-interfaces", "/instances/new/", (add("#add-interface"),)),
    Place("create-no-subnet", "/instances/new/", user="newcomer"),
    Place("create-refused", "/instances/new/", (send("#create"),)),
    Place("create-over-quota", "/instances/new/", (choose_largest,)),
    Place("create-over-quota-refused", "/instances/new/", (choose_largest, send("#create"))),
    Place("create-images", "/instances/new/", (press("#open-images"),)),
    Place("create-lists", "/instances/new/", (add("#add-volume"), add("#add-filesystem"))),
    Place("create-script", "/instances/new/", (press("#add-script"),)),
    Place(
        "create-script-refused",
        "/instances/new/",
        (press("#add-script"), type_in("script_name", "not a name"), add("#save-script")),
    ),
    Place("create-scripts", "/instances/new/", (press("#add-script"), register, press("#add-script"), register)),
    Place("edit", f"{DETAIL}edit/"),
    Place("edit-changed", f"{DETAIL}edit/", (grow, add(DETACHES), add("#s-network [name=add]"))),
    Place("edit-refused", f"{DETAIL}edit/", (add("#s-disks [name=add]"), send("#edit"))),
    Place("edit-stopped", f"{STOPPED}edit/"),
    Place("edit-stopped-refused", f"{STOPPED}edit/", (add("#s-filesystems [name=add]"), send("#edit"))),
    Place("types", "/instance-types/", (select(0),)),
    Place("types-no-match", "/instance-types/?search=nothing-like-this"),
    Place("types-member", "/instance-types/", user="newcomer"),
    Place("type-new", "/instance-types/", (press(".page-head [hx-get]"),)),
    Place("type-refused", "/instance-types/", (press(".page-head [hx-get]"), send("#dialog form"))),
    Place("type-edit", "/instance-types/", (select(0), press('[data-toolbar] [data-act="edit"]'))),
    Place("templates", "/launch-templates/", (select(0),)),
    Place("templates-no-match", "/launch-templates/?search=nothing-like-this"),
    Place("templates-none", "/launch-templates/", user="newcomer"),
    Place("template-edit", "/launch-templates/", (select(0), press('[data-toolbar] [data-act="edit"]'))),
    Place("template-delete", "/launch-templates/", (select(0), press('[data-toolbar] [data-act="delete"]'))),
    Place("type-delete", "/instance-types/", (select(0), press('[data-toolbar] [data-act="delete"]'))),
    Place("affinity", "/affinity-groups/", (select(0),)),
    Place("affinity-empty", "/affinity-groups/", user="newcomer"),
    Place("affinity-create", "/affinity-groups/", (press("#act-create"),)),
    Place("affinity-refused", "/affinity-groups/", (press("#act-create"), send("#dialog form"))),
    Place("affinity-edit", "/affinity-groups/", (select(0), press('[data-toolbar] [data-act="edit"]'))),
    Place("affinity-delete", "/affinity-groups/", (select(1), press('[data-toolbar] [data-act="delete"]'))),
    Place("jobs", "/jobs/"),
    Place("jobs-empty", "/jobs/", user="newcomer"),
    Place("job-failed", "/jobs/{job_failed}/"),
    Place("job-running", "/jobs/{job_running}/"),
    Place("job-retry", "/jobs/{job_failed}/", (press("#act-retry"),)),
    Place("hosts", "/hosts/"),
    Place("host-maintenance", "/hosts/", (press("[id^=maintenance-]"),)),
    Place("vpcs", "/vpcs/", (select(0),)),
    Place("vpcs-empty", "/vpcs/", user="newcomer"),
    Place("vpc-create", "/vpcs/", (press("#act-create"),)),
    Place("vpc", "/vpcs/{vpc}/"),
    Place("vpc-alone", "/vpcs/{lone}/"),
    Place("vpc-edit", "/vpcs/{vpc}/", (press("#act-edit"),)),
    Place("subnets", "/subnets/", (select(0),)),
    Place("subnets-empty", "/subnets/", user="newcomer"),
    Place("subnet-create", "/subnets/", (press("#act-create"),)),
    Place("subnet-refused", "/subnets/", (press("#act-create"), send("dialog form"))),
    Place("subnet", "/subnets/{subnet-web}/"),
    Place("subnet-edit", "/subnets/{subnet-web}/", (press("#act-edit"),)),
    Place("groups", "/security-groups/", (select(0),)),
    Place("groups-empty", "/security-groups/", user="newcomer"),
    Place("group-create", "/security-groups/", (press("#act-create"),)),
    Place("group", GROUP),
    Place("group-warned", "/security-groups/{sg-web}/"),
    Place("group-without-rules", "/security-groups/{sg-empty}/"),
    Place("group-refused", GROUP, (mistype,)),
    Place("group-brought-rule", f"{GROUP}?add=in&protocol=tcp&ports=5432&value=10.20.3.20/32#rules-in"),
    Place("group-edit", GROUP, (press("#act-edit"),)),
    Place("group-delete", "/security-groups/{sg-empty}/", (press("#act-delete"),)),
    Place("domains", "/storage-domains/"),
    Place("domains-member", "/storage-domains/", user="newcomer"),
    Place("domain", "/storage-domains/{domain}/"),
    Place("domain-member", "/storage-domains/{domain}/", user="newcomer"),
    Place("domain-empty", "/storage-domains/{domain-empty}/"),
    Place("domain-create", "/storage-domains/", (press("#act-create"),)),
    Place("domain-create-ceph", "/storage-domains/new/?kind_choice=rbd"),
    Place("domain-refused", "/storage-domains/", (press("#act-create"), send("dialog form"))),
    Place("domain-edit", "/storage-domains/{domain}/", (press("#act-edit"),)),
    Place("domain-attach", "/storage-domains/{domain}/", (press("#act-attach"),)),
    Place("domain-detach", "/storage-domains/{domain}/", (press("[id^=detach-]"),)),
    Place("domain-delete", "/storage-domains/{domain-empty}/", (press("#act-delete"),)),
    Place("domain-files", "/storage-domains/{domain}/files/"),
    Place("domain-files-none", "/storage-domains/{domain-clean}/files/"),
    Place("domain-files-chosen", "/storage-domains/{domain}/files/", (tick("files"), press("#clean"))),
    Place("floating", "/floating-ips/", (select(0),)),
    Place("floating-empty", "/floating-ips/", user="newcomer"),
    Place("floating-allocate", "/floating-ips/", (press("#act-allocate"),)),
    Place("floating-associate", "/floating-ips/", (select(2), press('[data-toolbar] [data-act="associate"]'))),
    Place("floating-move", "/floating-ips/", (select(0), press('[data-toolbar] [data-act="associate"]'))),
    Place("floating-disassociate", "/floating-ips/", (select(0), press('[data-toolbar] [data-act="disassociate"]'))),
    Place("floating-release", "/floating-ips/", (select(2), press('[data-toolbar] [data-act="release"]'))),
    Place("trace", "/security-groups/trace/"),
    Place("trace-refused", "/security-groups/trace/", (send("#trace-panel form"),)),
    Place("trace-blocked", "/security-groups/trace/{trace_blocked}/"),
    Place("trace-arrived", "/security-groups/trace/{trace_arrived}/"),
    Place("trace-lost", "/security-groups/trace/{trace_lost}/"),
    Place("trace-waiting", "/security-groups/trace/{trace_waiting}/"),
    Place("trace-failed", "/security-groups/trace/{trace_failed}/"),
    Place("images", "/images/", (select(0),)),
    Place("images-no-match", "/images/?search=nothing-like-this"),
    Place("image", "/images/{image-long}/"),
    Place("image-importing", "/images/{fedora-44-import}/"),
    Place("image-uploading", "/images/{debian-13-uploading}/"),
    Place("image-failed", "/images/{centos-7-broken}/"),
    Place("image-edit", "/images/{image-long}/", (press("#act-edit"),)),
    Place("image-delete", "/images/{image-long}/", (press("#act-delete"),)),
    Place("image-upload", "/images/upload/"),
    Place("image-upload-chosen", "/images/upload/", (choose_file,)),
    Place("image-upload-go-on", "/images/upload/?image={debian-13-uploading}"),
    Place("image-upload-other", "/images/upload/?image={debian-13-uploading}", (choose_file,)),
    Place("image-upload-refused", "/images/upload/", (add("form[data-upload] [type=submit]"),)),
    Place("image-fetch", "/images/import/"),
    Place("image-fetch-refused", "/images/import/", (send("main form"),)),
    Place("volumes", "/volumes/", (select(0),)),
    Place("volumes-empty", "/volumes/", user="newcomer"),
    Place("volume", "/volumes/{volume-attached}/"),
    Place("volume-long", "/volumes/{volume-long}/"),
    Place("volume-failed", "/volumes/{volume-broken}/"),
    Place("volume-create", "/volumes/", (press("#act-create"),)),
    Place("volume-refused", "/volumes/", (press("#act-create"), send("dialog form"))),
    Place("volume-edit", "/volumes/{volume-long}/", (press("#act-edit"),)),
    Place("volume-delete", "/volumes/{volume-long}/", (press("#act-delete"),)),
    Place("volume-creating", "/volumes/{volume-creating}/"),
    Place("volume-attach", "/volumes/{scratch-01}/", (press("#act-attach"),)),
    Place("volume-attach-nowhere", "/volumes/{volume-long}/", (press("#act-attach"),)),
    Place("volume-detach", "/volumes/{volume-attached}/", (press("#act-detach"),)),
    Place("volume-enlarge", "/volumes/{volume-attached}/", (press("#act-resize"),)),
    Place("filesystems", "/filesystems/", (select(0),)),
    Place("filesystems-empty", "/filesystems/", user="newcomer"),
    Place("filesystems-no-match", "/filesystems/?search=nothing-like-this"),
    Place("filesystem", "/filesystems/{filesystem-long}/"),
    Place("filesystem-shared", "/filesystems/{filesystem-shared}/"),
    Place("filesystem-create", "/filesystems/", (press("#act-create"),)),
    Place("filesystem-create-virtiofs", "/filesystems/", (press("#act-create"), add("label:has(#kind-virtiofs)"))),
    Place(
        "filesystem-create-denied",
        "/filesystems/",
        (press("#act-create"), add("label:has(#kind-virtiofs)")),
        "newcomer",
    ),
    Place("filesystem-refused", "/filesystems/", (press("#act-create"), send("dialog form"))),
    Place("filesystem-edit", "/filesystems/{filesystem-long}/", (press("#act-edit"),)),
    Place("filesystem-delete", "/filesystems/{filesystem-unused}/", (press("#act-delete"),)),
    Place("account", "/account/"),
    Place("account-refused", "/account/", (send("#tokens form"),)),
    Place("token-revoke", "/account/", (press("[id^=revoke-]"),)),
    Place("search", "/search/?q=web"),
    Place("search-nothing", "/search/?q=nothing-like-this"),
    Place("not-found", "/instances/00000000-0000-4000-8000-000000000000/"),
    Place("not-allowed", "/hosts/", user="newcomer"),
]
HOSTILE = [
    Place("hostile-list", "/instances/?scope=all&search=script"),
    Place("hostile-detail", "/instances/{hostile}/?tab=jobs"),
    Place("hostile-delete", "/instances/{hostile}/?tab=disks"),
    Place("hostile-bulk", "/instances/?scope=all&search=W", (select(0), press('[data-toolbar] [data-act="start"]'))),
    Place("hostile-job", "/jobs/{hostile_job}/"),
    Place("hostile-search", "/search/?q=<script>alert(1)</script>"),
    Place("hostile-interfaces", "/instances/{hostile}/?tab=interfaces"),
    Place("hostile-affinity", "/affinity-groups/?scope=all&search=script", (select(0),)),
    Place("hostile-affinity-tab", "/instances/{hostile}/?tab=affinity"),
    Place(
        "hostile-affinity-edit",
        "/affinity-groups/?scope=all&search=script",
        (select(0), press('[data-toolbar] [data-act="edit"]')),
    ),
    Place("hostile-scripts", "/instances/{hostile}/?tab=scripts"),
    Place("long-detail", "/instances/{long}/?tab=disks"),
    Place("long-word", "/instances/{word}/?tab=disks"),
    Place("long-delete", "/instances/{word}/", (press("#act-delete"),)),
    Place("hostile-templates", "/launch-templates/?scope=all&search=script"),
    Place("hostile-template-edit", "/launch-templates/{hostile_template}/edit/"),
    Place("hostile-vpc", "/vpcs/{hostile_vpc}/"),
    Place("hostile-subnet", "/subnets/{hostile_subnet}/"),
    Place("hostile-group", "/security-groups/{hostile_group}/"),
    Place("hostile-floating", "/floating-ips/{hostile_floating}/associate/"),
    Place("hostile-images", "/images/?scope=all&search=script"),
    Place("hostile-image", "/images/{hostile_image}/"),
    Place("hostile-image-delete", "/images/{hostile_image}/edit/"),
    Place("hostile-volumes", "/volumes/?scope=all&search=script"),
    Place("hostile-volume", "/volumes/{hostile_volume}/"),
    Place("hostile-disks", "/instances/{hostile}/?tab=disks"),
    Place("hostile-mounts", "/instances/{hostile}/?tab=filesystems"),
    Place("hostile-mount-remove", "/instances/{hostile}/filesystems/{hostile_filesystem}/remove/"),
    Place("hostile-filesystems", "/filesystems/?scope=all&search=script"),
    Place("hostile-filesystem", "/filesystems/{hostile_filesystem}/"),
    Place("hostile-filesystem-edit", "/filesystems/{hostile_filesystem}/edit/"),
    Place("hostile-edit", "/instances/{word}/edit/"),
    Place("long-edit", "/instances/{long}/edit/"),
]
