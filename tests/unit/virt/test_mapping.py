"""The mapping between XML and attributes holds for every declared value, whatever people type."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from cloudia.virt.xml import capabilities, domain, storage
from cloudia.virt.xml.domain import Disk, Domain
from cloudia.virt.xml.mapping import Element, Presence, Quantity, Value
from cloudia.virt.xml.storage import Volume

MODULES = (capabilities, domain, storage)
ELEMENTS = [
    kind
    for module in MODULES
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Element) and kind.__module__ == module.__name__
]
DECLARED = [pytest.param(kind, name, id=f"{kind.__name__}.{name}") for kind in ELEMENTS for name in kind.declared()]

# What XML 1.0 can hold; everything else is refused with ValueError.
XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("\t\n\r")
)
HOSTILE = ["'/><disk type='file'/>", '"', "&amp;", "]]>", "<!--", "a\nb", "🐢", "x" * 10_000, " ", ""]


def values_of(value: Value[Any]) -> st.SearchStrategy[Any]:
    if isinstance(value, Presence):
        return st.booleans()
    if isinstance(value, Quantity) or value.load is int:
        return st.integers(min_value=0, max_value=2**63)
    return XML_TEXT if value.load is str else st.booleans()


@pytest.mark.parametrize(("kind", "name"), DECLARED)
@given(data=st.data())
def test_every_declared_value_survives_writing_and_parsing(kind: type[Element], name: str, data: st.DataObject) -> None:
    wanted = data.draw(values_of(kind.declared()[name]))
    element = kind(**{name: wanted})
    # An empty element says no by being absent.
    expected = None if isinstance(kind.declared()[name], Presence) and not wanted else wanted
    assert getattr(kind.parse(str(element)), name) == expected


@pytest.mark.parametrize(("kind", "name"), DECLARED)
def test_every_declared_value_can_be_taken_away(kind: type[Element], name: str) -> None:
    value = kind.declared()[name]
    sample = "x" if value.load is str else 1 if value.load is int else True
    element = kind()
    setattr(element, name, sample)
    assert getattr(element, name) == sample
    setattr(element, name, None)
    assert getattr(kind.parse(str(element)), name) in (None, "")  # the text of the element itself can only be emptied


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_a_name_stays_text(text: str) -> None:
    made = Domain(name=text)
    made.disks.add(volume=text)
    parsed = Domain.parse(str(made))
    assert parsed.name == text
    assert [disk.volume for disk in parsed.disks] == [text]
    assert len(list(parsed.node.iter())) == len(list(made.node.iter()))


@pytest.mark.parametrize("text", ["\x00", "\x1b[31m", "\ud800"])
def test_characters_that_xml_can_not_hold_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"XML|surrogates"):
        Domain(name=text)


def test_unknown_elements_and_attributes_survive_an_edit() -> None:
    future = "<future a='1'><b>text</b></future>"
    xml = f"<domain type='kvm' id='7'><name>old</name>{future}<memory unit='KiB'>2048</memory></domain>"
    parsed = Domain.parse(xml)
    parsed.name, parsed.memory_mib = "new", 4
    edited = etree.fromstring(str(parsed))
    assert edited.get("id") == "7"
    assert edited.findtext("future/b") == "text"
    assert edited.find("future[@a='1']") is not None
    assert (edited.findtext("name"), edited.findtext("memory")) == ("new", "4")


@pytest.mark.parametrize(
    ("memory", "mib"),
    [
        ("<memory>1048576</memory>", 1024),
        ("<memory unit='MiB'>512</memory>", 512),
        ("<memory unit='b'>1048577</memory>", 1),
        ("<memory unit='G'>2</memory>", 2048),
    ],
)
def test_amounts_are_read_in_any_unit(memory: str, mib: int) -> None:
    assert Domain.parse(f"<domain>{memory}</domain>").memory_mib == mib


def test_amount_without_unit_in_a_volume_means_bytes() -> None:
    assert Volume.parse("<volume><capacity>512</capacity></volume>").capacity == 512


def test_absent_value_is_none() -> None:
    assert Domain().cores is None
    assert list(Domain().disks) == []


def test_setting_none_on_an_absent_value_adds_nothing() -> None:
    assert str(Disk(boot_order=None)) == "<disk/>"


def test_undeclared_value_is_refused() -> None:
    with pytest.raises(AttributeError, match="Disk declares no colour"):
        Domain().disks.add(colour="blue")


def test_other_element_is_refused() -> None:
    with pytest.raises(ValueError, match="expected <domain>, got <pool>"):
        Domain.parse("<pool/>")


def test_text_that_is_no_xml_is_refused() -> None:
    with pytest.raises(ValueError, match="not XML"):
        Domain.parse("<domain>")


def test_parser_reads_no_files_for_entities() -> None:
    xml = "<!DOCTYPE domain [<!ENTITY e SYSTEM 'file:///etc/hostname'>]><domain><name>&e;</name></domain>"
    assert not Domain.parse(xml).name
