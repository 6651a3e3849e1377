"""``make run``: set the machine up as root, then run CloudiA as the user cloudia. usage: deploy/run"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from deploy import account, checks, guest_image, hypervisor, network, packages, translations, virtualenv
from deploy.config import HOME, USER, Config
from deploy.errors import StartError
from deploy.postgres import initialise, ready_command, server_command
from deploy.supervisor import Process, Supervisor

GRACEFUL_WEB = 3  # seconds that open requests get at a stop; live pages (SSE) never end by themselves


def set_up(config: Config) -> Path:
    """All that needs root; whatever is there already is left as it is. The guest image's path."""
    packages.ensure(packages.for_run(private_postgres=config.private_postgres))
    virtualenv.ensure(config.root, "requirements.txt", for_everybody=True)
    user = account.ensure()
    account.own_folder(HOME, 0o755)
    account.own_folder(config.var, 0o755)
    account.own_folder(config.pool, 0o711)  # QEMU's user must get through
    translations.compile_all(config.root)
    image = guest_image.ensure(config.var / "images")
    hypervisor.ensure(config.var / "libvirt")
    network.ensure(config)
    if config.private_postgres:
        initialise(config.postgres, user.pw_uid)
    return image


def processes(config: Config, image: Path) -> list[Process]:
    """In the order of their start."""
    python, manage = str(config.python), str(config.root / "manage.py")
    web = (python, "-m", "uvicorn", "cloudia.asgi:application", "--host", config.bind, "--port", str(config.port))
    quiet = ("--lifespan", "off", "--no-access-log", "--log-level", "warning", "--no-server-header")
    # Django decides whom to believe about addresses: CLOUDIA_BEHIND_PROXY.
    stopping = ("--no-proxy-headers", "--timeout-graceful-shutdown", str(GRACEFUL_WEB))
    return [
        *([_postgres(config)] if config.private_postgres else []),
        Process("prepare", (python, "-m", "deploy.prepare", str(image)), once=True),
        Process("web", (*web, *quiet, *stopping)),
        Process("worker", (python, manage, "worker")),
        Process("watcher", (python, manage, "watch_hosts")),
        Process("ready", (python, "-m", "deploy.announce", config.url), once=True),
    ]


def _postgres(config: Config) -> Process:
    command = server_command(config.postgres, "log_min_messages=fatal")
    ready = tuple(ready_command(config.postgres))
    return Process("postgres", tuple(command), ready=ready, stop_signal=signal.SIGINT)


def environment(config: Config) -> dict[str, str]:
    """What the processes see: the caller's environment, without root's home."""
    return {
        **os.environ,
        "HOME": str(HOME),
        "USER": USER,
        "LOGNAME": USER,
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "cloudia.settings",
        "CLOUDIA_VAR": str(config.var),
        "CLOUDIA_POOL_DIR": str(config.pool),
    }


def main() -> int:
    """Exit status: 1 when CloudiA could not start."""
    os.umask(0o022)
    try:
        config = Config.from_environment()
        lock = checks.before_start(config)
        image = set_up(config)
    except StartError as error:
        print(f"CloudiA cannot start: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or b"no message").decode(errors="replace").strip().splitlines()[-1]
        print(f"CloudiA cannot start: {error.cmd[0]} failed: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1
    os.environ.update(environment(config))
    account.become()
    os.chdir(config.root)
    with lock:
        return Supervisor(processes(config, image)).run()


if __name__ == "__main__":
    sys.exit(main())
