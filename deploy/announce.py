"""Says where CloudiA is, once it answers there. usage: python -m deploy.announce URL"""

from __future__ import annotations

import http.client
import sys
import time
from urllib.parse import urlsplit

PATIENCE = 60.0  # seconds


def answers(url: str) -> bool:
    """Whether a web server is there; what it says (a redirect to HTTPS, say) doesn't matter."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        connection.request("HEAD", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def main(url: str) -> int:
    """Exit status: 1 when there was no answer in time."""
    deadline = time.monotonic() + PATIENCE
    while not answers(url):
        if time.monotonic() > deadline:
            print(f"no answer from {url} after {PATIENCE:.0f} s: see what web says above")
            return 1
        time.sleep(0.1)
    print(f"CloudiA is ready: {url} (Ctrl-C stops it and leaves guests running)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
