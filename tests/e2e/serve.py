"""Web, worker and watcher under the product's own supervisor: ``python -m tests.e2e.serve PORT [NAME...]``."""

from __future__ import annotations

import sys

from deploy.supervisor import Process, Supervisor

if __name__ == "__main__":
    port, *names = sys.argv[1:]
    web = (sys.executable, "-m", "uvicorn", "cloudia.asgi:application", "--port", port, "--lifespan", "off")
    quiet = ("--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "1")
    manage = (sys.executable, "manage.py")
    processes = [
        Process("web", (*web, *quiet)),
        Process("worker", (*manage, "worker")),
        Process("watcher", (*manage, "watch_hosts")),
    ]
    sys.exit(Supervisor([process for process in processes if not names or process.name in names]).run())
