"""libvirt's errors become CloudiA's by their code alone."""

from __future__ import annotations

import errno
from typing import Any

import libvirt
import pytest

from cloudia.core.errors import CloudiaError, HostUnreachable, OperationFailed, TransientError
from cloudia.virt.errors import CONNECTION, FATAL, TRANSIENT, none_if, translate


def libvirt_error(code: int, int1: int = 0, text: str = "No space left on device") -> libvirt.libvirtError:
    error = libvirt.libvirtError("ignored")
    error.err = (code, libvirt.VIR_FROM_QEMU, text, libvirt.VIR_ERR_ERROR, None, None, None, int1, 0)
    return error


def kind_and_code(error: CloudiaError) -> tuple[type[CloudiaError], str]:
    return type(error), error.code


@pytest.mark.parametrize(("code", "ours"), FATAL.items())
def test_refusal_that_stays_is_fatal(code: int, ours: str) -> None:
    assert kind_and_code(translate(libvirt_error(code), connected=True)) == (OperationFailed, ours)


@pytest.mark.parametrize(("code", "ours"), TRANSIENT.items())
def test_refusal_that_may_pass_is_transient(code: int, ours: str) -> None:
    assert kind_and_code(translate(libvirt_error(code), connected=True)) == (TransientError, ours)


@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize(("code", "ours"), CONNECTION.items())
def test_trouble_with_the_connection_makes_the_host_unreachable(code: int, ours: str, connected: bool) -> None:
    assert kind_and_code(translate(libvirt_error(code), connected=connected)) == (HostUnreachable, ours)


@pytest.mark.parametrize("code", [libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_ERR_RPC, libvirt.VIR_ERR_NO_DOMAIN])
def test_any_error_of_a_dead_connection_makes_the_host_unreachable(code: int) -> None:
    assert kind_and_code(translate(libvirt_error(code), connected=False)) == (HostUnreachable, "host_unreachable")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_known_by_its_number(number: int) -> None:
    error = translate(libvirt_error(libvirt.VIR_ERR_SYSTEM_ERROR, number), connected=True)
    assert kind_and_code(error) == (OperationFailed, "no_space")


def test_text_alone_means_nothing() -> None:
    error = translate(libvirt_error(libvirt.VIR_ERR_INTERNAL_ERROR, errno.ENOSPC), connected=True)
    assert kind_and_code(error) == (OperationFailed, "hypervisor_error")


def test_message_carries_libvirt_words() -> None:
    error = translate(libvirt_error(libvirt.VIR_ERR_XML_ERROR, text="unknown <frob>"), connected=True)
    assert "unknown <frob>" in str(error.message)


def raising(code: int) -> Any:
    raise libvirt_error(code)


def test_absence_is_none_and_other_errors_stay() -> None:
    assert none_if(libvirt.VIR_ERR_NO_DOMAIN, lambda: raising(libvirt.VIR_ERR_NO_DOMAIN)) is None
    assert none_if(libvirt.VIR_ERR_NO_DOMAIN, lambda: "there") == "there"
    with pytest.raises(libvirt.libvirtError):
        none_if(libvirt.VIR_ERR_NO_DOMAIN, lambda: raising(libvirt.VIR_ERR_RPC))
