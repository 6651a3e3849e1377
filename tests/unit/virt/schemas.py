"""libvirt's own word on what a valid document is."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lxml import etree

SCHEMAS = Path("/usr/share/libvirt/schemas")
GOLDEN = Path(__file__).parent / "golden"


@cache
def _schema(name: str) -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(SCHEMAS / f"{name}.rng"))


def assert_valid(xml: str, schema: str) -> None:
    """``xml`` obeys libvirt's RELAX NG ``schema`` (domain, storagepool, storagevol)."""
    rules = _schema(schema)
    assert rules.validate(etree.fromstring(xml)), rules.error_log
