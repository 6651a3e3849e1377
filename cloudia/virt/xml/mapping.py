"""A declarative two-way mapping between XML and attributes of Python classes.

One declaration builds, parses and edits. What is not declared survives an edit, and values are data: they can't become
markup. A path is written ``source/@file`` (attribute) or ``os/type`` (text), relative to the element that declares it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from lxml import etree

T = TypeVar("T")
E = TypeVar("E", bound="Element")

# Factors to bytes, from libvirt's virScaleInteger; an absent unit means what the field's declaration says.
UNITS: Mapping[str, int] = {
    "b": 1, "bytes": 1, "KB": 1000, "KiB": 1024, "k": 1024, "MB": 1000**2, "MiB": 1024**2, "M": 1024**2,
    "GB": 1000**3, "GiB": 1024**3, "G": 1024**3, "TB": 1000**4, "TiB": 1024**4, "T": 1024**4,
}  # fmt: skip


def safe_parser() -> etree.XMLParser:
    """A parser that reads no other files and expands no entities."""
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def _find(node: etree._Element, steps: list[str]) -> etree._Element | None:
    current: etree._Element | None = node
    for step in steps:
        if current is None:
            return None
        current = current.find(step)
    return current


def _make(node: etree._Element, steps: list[str]) -> etree._Element:
    for step in steps:
        child = node.find(step)
        node = etree.SubElement(node, step) if child is None else child
    return node


class Element:
    """One XML element. Subclasses declare ``TAG`` and their values."""

    TAG: ClassVar[str] = ""

    def __init__(self, node: etree._Element | None = None, **values: Any) -> None:
        self.node = etree.Element(self.TAG) if node is None else node
        for name, value in values.items():
            if name not in self.declared():
                raise AttributeError(f"{type(self).__name__} declares no {name}")
            setattr(self, name, value)

    @classmethod
    def declared(cls) -> dict[str, Value[Any]]:
        """What the class declares, by name; inherited values too."""
        return {name: v for kind in cls.__mro__ for name, v in vars(kind).items() if isinstance(v, Value)}

    @classmethod
    def parse(cls, xml: str) -> Self:
        """The element from its text. Raises ValueError when it is not XML, or another element."""
        try:
            node = etree.fromstring(xml.encode(), safe_parser())
        except etree.XMLSyntaxError as error:
            raise ValueError(f"not XML: {error}") from error
        if node.tag != cls.TAG:
            raise ValueError(f"expected <{cls.TAG}>, got <{node.tag!s}>")
        return cls(node)

    def __str__(self) -> str:
        etree.indent(self.node)
        return etree.tostring(self.node, encoding="unicode")


class Value(Generic[T]):
    """One value at a path; None means that it is absent, and setting None removes it."""

    def __init__(self, path: str, load: Callable[[str], T], dump: Callable[[T], str] = str) -> None:
        self.load, self.dump = load, dump
        self.steps = path.split("/")
        self.attribute = self.steps.pop()[1:] if self.steps[-1].startswith("@") else None

    @overload
    def __get__(self, obj: None, owner: type) -> Self: ...
    @overload
    def __get__(self, obj: Element, owner: type) -> T | None: ...
    def __get__(self, obj: Element | None, owner: type) -> Self | T | None:
        return self if obj is None else self.read(obj.node)

    def __set__(self, obj: Element, value: T | None) -> None:
        if value is None:
            self.remove(obj.node)
        else:
            self.write(_make(obj.node, self.steps), value)

    def read(self, root: etree._Element) -> T | None:
        """The value under ``root``, or None."""
        node = _find(root, self.steps)
        raw = None if node is None else self.raw(node)
        return None if raw is None else self.load(raw)

    def raw(self, node: etree._Element) -> str | None:
        """The text at the end of the path."""
        return node.get(self.attribute) if self.attribute else (node.text or "")

    def write(self, node: etree._Element, value: T) -> None:
        """Put ``value`` at the end of the path. Raises ValueError for characters that XML can't hold."""
        if self.attribute:
            node.set(self.attribute, self.dump(value))
        else:
            node.text = self.dump(value)

    def remove(self, root: etree._Element) -> None:
        """Take the value away, and with a text its element, unless that is ``root``."""
        node = _find(root, self.steps)
        if node is None:
            return
        if self.attribute:
            node.attrib.pop(self.attribute, None)
        elif node is root or (parent := node.getparent()) is None:
            node.text = None
        else:
            parent.remove(node)


class Quantity(Value[int]):
    """An amount of memory or disk, read in any of libvirt's units and written in one."""

    def __init__(self, path: str, unit: str, default: str = "KiB") -> None:
        super().__init__(path, int)
        self.unit, self.default = unit, default

    def read(self, root: etree._Element) -> int | None:
        """The amount in this field's unit, rounded down."""
        amount, node = super().read(root), _find(root, self.steps)
        if amount is None or node is None:
            return None
        return amount * UNITS[node.get("unit", self.default)] // UNITS[self.unit]

    def write(self, node: etree._Element, value: int) -> None:
        """Set amount and unit."""
        super().write(node, value)
        node.set("unit", self.unit)


class Presence(Value[bool]):
    """Whether an empty element is there."""

    def __init__(self, path: str) -> None:
        super().__init__(path, load=lambda _raw: True, dump=lambda _value: "")

    def __set__(self, obj: Element, value: bool | None) -> None:
        if value:
            _make(obj.node, self.steps)
        else:
            self.remove(obj.node)


class Children(Generic[E]):
    """Every element of one class below ``parent``; iteration reads, ``add`` appends."""

    def __init__(self, kind: type[E], parent: str = "") -> None:
        self.kind = kind
        self.steps = [step for step in parent.split("/") if step]

    def __get__(self, obj: Element, owner: type) -> BoundChildren[E]:
        return BoundChildren(self.kind, self.steps, obj.node)


class BoundChildren(Generic[E]):
    """The children of one element."""

    def __init__(self, kind: type[E], steps: list[str], root: etree._Element) -> None:
        self.kind, self.steps, self.root = kind, steps, root

    def __iter__(self) -> Iterator[E]:
        parent = _find(self.root, self.steps)
        return iter(()) if parent is None else (self.kind(node) for node in parent.findall(self.kind.TAG))

    def add(self, **values: Any) -> E:
        """Append a child and set its values. Raises AttributeError for a value that it does not declare."""
        child = self.kind(**values)
        _make(self.root, self.steps).append(child.node)
        return child


def text(path: str) -> Value[str]:
    """A string."""
    return Value(path, str)


def integer(path: str) -> Value[int]:
    """A whole number."""
    return Value(path, int)


def flag(path: str) -> Value[bool]:
    """libvirt's ``yes`` and ``no``."""
    return Value(path, load=lambda raw: raw in ("yes", "on"), dump=lambda value: "yes" if value else "no")
