# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stand in the way to an OCSP responder: count who comes in /root/asked, a line each, and where /root/renew-when-asked
is there, have the certificate renewed before the answer goes back.

Usage: relay.py PORT PORT_OF_THE_RESPONDER
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path

ASKED, RENEW_WHEN_ASKED = Path("/root/asked"), Path("/root/renew-when-asked")


def main() -> None:
    """Take connections until the end."""
    port, beyond = map(int, sys.argv[1:])
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            connection, _address = server.accept()
            with ASKED.open("a", encoding="ascii") as asked:
                asked.write("asked\n")
            with connection, socket.create_connection(("127.0.0.1", beyond)) as responder:
                if RENEW_WHEN_ASKED.exists():
                    RENEW_WHEN_ASKED.unlink()
                    subprocess.run(["/usr/local/sbin/renew"], check=True)
                threading.Thread(target=pump, args=(connection, responder), daemon=True).start()
                pump(responder, connection)


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what comes, until its end."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:  # the other direction has ended
        return


if __name__ == "__main__":
    main()
