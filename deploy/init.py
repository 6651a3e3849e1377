"""What kind of init system there is."""

from pathlib import Path


def has_systemd() -> bool:
    """Whether systemd runs here; the test of sd_booted(3)."""
    return Path("/run/systemd/system").is_dir()
