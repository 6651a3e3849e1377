"""libvirt's errors, translated once. By code, never by text: texts change with versions and languages."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import TypeVar

import libvirt
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cloudia.core.errors import CloudiaError, HostUnreachable, OperationFailed, TransientError
from cloudia.core.policy import Text

T = TypeVar("T")

# What a later attempt may well do.
TRANSIENT: Mapping[int, str] = {
    libvirt.VIR_ERR_OPERATION_TIMEOUT: "timeout",
    libvirt.VIR_ERR_RESOURCE_BUSY: "resource_busy",
    libvirt.VIR_ERR_AGENT_UNRESPONSIVE: "agent_unresponsive",
    libvirt.VIR_ERR_NO_MEMORY: "no_memory",
    libvirt.VIR_ERR_NO_CLIENT: "resource_busy",
}

# What would fail the same way again.
FATAL: Mapping[int, str] = {
    libvirt.VIR_ERR_NO_DOMAIN: "domain_missing",
    libvirt.VIR_ERR_DOM_EXIST: "domain_exists",
    libvirt.VIR_ERR_NO_STORAGE_POOL: "pool_missing",
    libvirt.VIR_ERR_NO_STORAGE_VOL: "volume_missing",
    libvirt.VIR_ERR_STORAGE_VOL_EXIST: "volume_exists",
    libvirt.VIR_ERR_STORAGE_POOL_BUILT: "pool_exists",
    libvirt.VIR_ERR_OPERATION_INVALID: "operation_invalid",
    libvirt.VIR_ERR_OPERATION_DENIED: "operation_denied",
    libvirt.VIR_ERR_OPERATION_ABORTED: "operation_aborted",
    libvirt.VIR_ERR_OPERATION_UNSUPPORTED: "unsupported",
    libvirt.VIR_ERR_CONFIG_UNSUPPORTED: "unsupported",
    libvirt.VIR_ERR_ARGUMENT_UNSUPPORTED: "unsupported",
    libvirt.VIR_ERR_NO_SUPPORT: "unsupported",
    libvirt.VIR_ERR_XML_ERROR: "bad_definition",
    libvirt.VIR_ERR_XML_DETAIL: "bad_definition",
    libvirt.VIR_ERR_XML_INVALID_SCHEMA: "bad_definition",
    libvirt.VIR_ERR_INVALID_ARG: "bad_definition",
    libvirt.VIR_ERR_ACCESS_DENIED: "access_denied",
}

# The connection itself. Only the code tells when libvirt also says that the connection is gone.
CONNECTION: Mapping[int, str] = {
    libvirt.VIR_ERR_NO_CONNECT: "host_unreachable",
    libvirt.VIR_ERR_INVALID_CONN: "host_unreachable",
    libvirt.VIR_ERR_AUTH_FAILED: "host_login_failed",
    libvirt.VIR_ERR_AUTH_CANCELLED: "host_login_failed",
    libvirt.VIR_ERR_AUTH_UNAVAILABLE: "host_login_failed",
    libvirt.VIR_ERR_GNUTLS_ERROR: "host_login_failed",
}


def translate(error: libvirt.libvirtError, *, connected: bool) -> CloudiaError:
    """CloudiA's error for one of libvirt's. ``connected``: whether the connection is still alive after it."""
    code = error.get_error_code()
    reason = error.get_error_message() or str(error)
    if code in CONNECTION:
        return unreachable(reason, CONNECTION[code])
    if not connected:
        return unreachable(reason)
    if code in TRANSIENT:
        return TransientError(_refused(reason), code=TRANSIENT[code])
    if _errno(error) in (errno.ENOSPC, errno.EDQUOT):
        return no_space()
    return OperationFailed(_refused(reason), code=FATAL.get(code, "hypervisor_error"))


def unreachable(reason: str, code: str = "") -> HostUnreachable:
    """The host can't be talked to, with libvirt's words for it."""
    return HostUnreachable(format_lazy(_("The host cannot be reached: {reason}"), reason=reason), code=code)


def unanswered(seconds: float) -> HostUnreachable:
    """The host took longer than anybody waits."""
    return HostUnreachable(format_lazy(_("The host did not answer within {seconds:g} seconds."), seconds=seconds))


def still_silent() -> HostUnreachable:
    """An earlier call is still unanswered, so this one was not even tried."""
    return HostUnreachable(_("The host does not answer."))


def no_space() -> OperationFailed:
    """The storage is full."""
    return OperationFailed(_("There is not enough space left on the storage."), code="no_space")


def shrinking() -> OperationFailed:
    """Disks only grow."""
    return OperationFailed(_("A disk can't be made smaller: the end of its data would be lost."), code="volume_shrink")


def none_if(code: int, work: Callable[[], T]) -> T | None:
    """What ``work`` returns, or None if libvirt answers with ``code`` (``VIR_ERR_NO_...``)."""
    try:
        return work()
    except libvirt.libvirtError as error:
        if error.get_error_code() != code:
            raise
        return None


def _refused(reason: str) -> Text:
    return format_lazy(_("The hypervisor refused: {reason}"), reason=reason)


def _errno(error: libvirt.libvirtError) -> int:
    # virReportSystemError puts errno into int1; every other error has its own use for it, or none.
    return int(error.get_int1() or 0) if error.get_error_code() == libvirt.VIR_ERR_SYSTEM_ERROR else 0
