# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetch from this host's own server, connection after connection, and print as JSON what came of it.

Usage: ``load.py NAME PORT FLAG``. Each round is a page fetched by Python with the host's trust store, and every tenth
one a handshake of ``openssl s_client`` that asks for the staple. The file FLAG is made when the load is running; it
ends when somebody removes the file, or after five minutes.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

TIME_LIMIT = 300
PAUSE = 0.01  # seconds between connections: a load, not an attack on a small machine
EVERY = 10


def fetch(context: ssl.SSLContext, name: str, port: int) -> str:
    """Fetch the page over a new connection; the SHA-256 of the leaf. Raises OSError, as TLS errors are too."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    with plain, context.wrap_socket(plain, server_hostname=name) as connection:
        connection.sendall(f"GET / HTTP/1.0\r\nHost: {name}\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
        leaf = connection.getpeercert(binary_form=True) or b""
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise OSError(f"no page but {answer[:100]!r}")
    return hashlib.sha256(leaf).hexdigest()


def handshake(name: str, port: int) -> tuple[str, str]:
    """The serial numbers of the served leaf and of the one its staple is about. Raises OSError."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-status"]
    seen = subprocess.run(command, input="", capture_output=True, text=True, timeout=10, check=False).stdout
    leaf = re.search(r"Server certificate\n(.*?-----END CERTIFICATE-----)", seen, re.DOTALL)
    staple = re.search(r"Serial Number: ([0-9A-F]+)\n\s*Cert Status: good", seen)
    if not leaf or not staple or "Verify return code: 0 (ok)" not in seen:
        raise OSError(f"not accepted: {seen}")
    command = ["openssl", "x509", "-noout", "-serial"]
    serial = subprocess.run(command, input=leaf[1], capture_output=True, text=True, check=True).stdout
    return serial.strip().removeprefix("serial="), staple[1]


def main() -> None:
    name, port, flag = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    context = ssl.create_default_context()
    end = time.monotonic() + TIME_LIMIT
    leaves: list[str] = []
    pairs: list[tuple[str, str]] = []
    failures: list[str] = []
    leaves.append(fetch(context, name, port))
    flag.touch()
    while flag.exists() and time.monotonic() < end:
        try:
            leaves.append(fetch(context, name, port))
            if len(leaves) % EVERY == 0:
                pairs.append(handshake(name, port))
        except OSError as error:
            failures.append(repr(error))
        time.sleep(PAUSE)
    print(
        json.dumps(
            {
                "fetched": len(leaves),
                "leaves": list(dict.fromkeys(leaves)),
                "stapled": len(pairs),
                "mismatched": [pair for pair in pairs if pair[0] != pair[1]],
                "failures": failures,
            }
        )
    )


if __name__ == "__main__":
    main()
