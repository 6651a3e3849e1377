#!/usr/bin/python3
"""Type a shell command on a guest's serial console and print what it answers.

usage: console.py URI DOMAIN COMMAND [TIMEOUT]
Exits with the command's own status, 124 when the guest did not answer in time.
"""

import contextlib
import os
import re
import secrets
import sys
import threading
import time

import libvirt

uri, name, command = sys.argv[1:4]
timeout = float(sys.argv[4]) if len(sys.argv) > 4 else 20


def events():
    while True:
        libvirt.virEventRunDefaultImpl()


# A non-blocking stream only delivers while an event loop runs.
libvirt.virEventRegisterDefaultImpl()
libvirt.registerErrorHandler(lambda *_: None, None)
threading.Thread(target=events, daemon=True).start()
try:
    conn = libvirt.open(uri)
    stream = conn.newStream(libvirt.VIR_STREAM_NONBLOCK)
    conn.lookupByName(name).openConsole(None, stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE)
except libvirt.libvirtError as e:
    sys.exit(f"console: {e}")


def send(data):
    while data:
        sent = stream.send(data)
        if sent > 0:
            data = data[sent:]
        else:
            time.sleep(0.02)


# The terminal echoes what is typed, so the marks are spelt there with quotes in the middle:
# only the shell's own output has them whole.
a, b = secrets.token_hex(4), secrets.token_hex(4)
send(b"\x15\n")  # Ctrl-U: drop a half-typed line
time.sleep(0.1)
send(f"echo {a}''{b}; {command}\necho {b}''{a} $?\n".encode())
answer = re.compile(f"{a}{b}\n(.*?){b}{a} (\\d+)".encode(), re.S)

buf, found, end = b"", None, time.monotonic() + timeout
while not found and time.monotonic() < end:
    data = stream.recv(65536)
    if data == -2:  # nothing yet
        time.sleep(0.02)
    elif not data:
        break
    else:
        buf += data
        found = answer.search(buf.replace(b"\r", b""))
with contextlib.suppress(libvirt.libvirtError):
    stream.abort()
if not found:
    print("console: no answer", file=sys.stderr)
    os._exit(124)
lines = found[1].decode(errors="replace").splitlines()
# The prompt and the echo of the line that asks for the status stand at the end.
lines = [x for x in lines if f"echo {b}''{a}" not in x]
print("\n".join(lines).strip())
sys.stdout.flush()
os._exit(int(found[2]))  # past libvirt's event thread, which would abort the exit
