"""인스턴스 편집 with everything in between: a page, a worker, a host. virsh, OVN and the guest agree with the page."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree
from playwright.sync_api import Page, expect

from tests.browser import Visits
from tests.e2e.stack import Stack, virsh
from tests.qemu.lab import LabHost

READY = "TINY-READY"
SECONDS = 1000  # milliseconds
SIZE = {"vcpus": 1, "memory_mib": 160, "max_vcpus": 2, "max_memory_mib": 416}


def test_running_guest_grows_and_gets_devices_by_the_page(stack: Stack, stack_visits: Visits) -> None:
    instance = stack.made("edited", **SIZE)
    host, domain = stack.host_of(instance), instance["short_id"]
    host.wait_for_serial(domain, READY)
    page = stack_visits.page("the-manager")
    page.goto(f"/instances/{instance['id']}/edit/")
    fill_in(page)
    expect(page.locator("#plan .plan li")).to_have_count(4)
    expect(page.locator("#plan .plan .text-ok")).to_have_text(["바로 적용"] * 4)
    page.get_by_role("button", name="저장", exact=True).click()
    page.wait_for_url(re.compile(rf"/instances/{instance['id']}/$"))

    job = stack.finished(stack.api("GET", f"instances/{instance['id']}/jobs/").body["results"][0])
    assert (job["kind"], job["status"]) == ("instance.update", "succeeded"), job
    expect(page.locator("#overview .page-head .state")).to_have_text("실행 중", timeout=30 * SECONDS)
    assert_all_agree(stack, host, domain, instance["id"])
    page.goto(f"/jobs/{job['id']}/")
    expect(page.locator("#job .steps-v")).to_contain_text("게스트 적용 확인됨")
    stack.remove(stack.instance(instance["id"]))


def fill_in(page: Page) -> None:
    """One vCPU and one memory module more, another interface, a new disk."""
    page.locator("[name=vcpus]").fill("2")
    page.locator("[name=memory_0]").fill("288")
    page.locator("#s-network [name=add]").click()
    expect(page.locator("[name=interfaces-0-subnet]")).to_be_visible()
    page.locator("#s-disks [name=add]").click()
    page.locator("[name=new_volumes-0-name]").fill("logs")
    page.locator("[name=new_volumes-0-size_gib]").fill("1")


def assert_all_agree(stack: Stack, host: LabHost, domain: str, pk: str) -> None:
    """What the API says, what is defined and runs, what OVN has, and what the guest sees."""
    shown = stack.instance(pk)
    assert (shown["vcpus"], shown["memory_mib"]) == (2, 288)
    nics = stack.api("GET", f"instances/{pk}/interfaces/").body["results"]
    disks = [disk["device_name"] for disk in stack.api("GET", f"instances/{pk}/disks/").body["results"]]
    assert (len(nics), disks) == (2, ["vda", "vdb"])
    for words in ([], ["--inactive"]):
        xml: Any = etree.fromstring(virsh(host, "dumpxml", domain, *words))
        count, memory_kib = xml.find("vcpu").get("current", xml.findtext("vcpu")), xml.findtext("memory")
        assert (count, int(memory_kib) // 1024) == ("2", 288)
        assert {mac.get("address") for mac in xml.iterfind("devices/interface/mac")} == {nic["mac"] for nic in nics}
        targets = [target.get("dev") for target in xml.iterfind("devices/disk[@device='disk']/target")]
        assert targets == disks
    ports = host.lab.nbctl("--bare", "--columns=addresses", "list", "Logical_Switch_Port")
    links = host.guest(domain, "ip link")
    for nic in nics:
        assert f"{nic['mac']} {nic['ip_address']}" in ports
        assert nic["mac"] in links
    assert host.guest(domain, "grep -c ^processor /proc/cpuinfo") == "2"
    assert host.guest(domain, "cat /sys/block/vdb/size") == str(2 * 2**20)
