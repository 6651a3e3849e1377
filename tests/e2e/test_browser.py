"""The tests' own browser: what other tests do to the computer's network must not reach it."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser import chromium, reach

SCRIPTS = 20
CHANGES = "ip addr add 127.77.0.1/32 dev lo; ip addr del 127.77.0.1/32 dev lo"


class Slow(BaseHTTPRequestHandler):
    """A page of scripts, each of which takes a while."""

    def do_GET(self) -> None:
        """Answer."""
        is_script = self.path.endswith(".js")
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
        self.end_headers()
        if is_script:
            time.sleep(0.05)
        else:
            self.wfile.write("".join(f"<script src='/{number}.js'></script>" for number in range(SCRIPTS)).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def changes() -> Iterator[None]:
    """Addresses of the computer come and go."""
    enough = threading.Event()

    def change() -> None:
        while not enough.is_set():
            subprocess.run(CHANGES, shell=True, check=True)

    thread = threading.Thread(target=change)
    thread.start()
    yield
    enough.set()
    thread.join()


@pytest.mark.browser
@pytest.mark.usefixtures("changes")
def test_changes_of_the_computers_network_break_nothing_off(url: str) -> None:
    failed: list[str | None] = []
    with chromium() as browser:
        reach(browser, url)
        for _visit in range(3):
            page = browser.new_page()
            page.on("requestfailed", lambda request: failed.append(request.failure))
            page.goto(url)
            page.close()
    assert failed == []
