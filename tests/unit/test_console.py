"""What guests of the lab say on their serial consoles."""

from __future__ import annotations

import os
import threading

from deploy.lab.console import read_until


def test_character_that_arrives_in_two_parts_is_one() -> None:
    reader, writer = os.pipe()
    said = "안녕 🙂 done\n".encode()
    os.write(writer, said[:2])
    threading.Timer(0.3, os.write, (writer, said[2:])).start()
    assert read_until(reader, "done", 20) == "안녕 🙂 done\n"
    os.close(reader)
    os.close(writer)
