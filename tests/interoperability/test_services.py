# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The services of docs/services.md, as they stand there: each shows a new certificate without a restart."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils import latest_context
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    deploy_leaf,
    destination_at,
    issuer,
    make_leaf,
)
from cryptography.hazmat.primitives.serialization import Encoding

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "services.md").read_text(encoding="utf-8")
APPLICATION = 'def app(environ, start):\n    start("200 OK", [])\n    return [b"hello\\n"]\n'
#: The heading in the document, the file's name, and the command.
SERVICES = {
    "asyncio": ("service.py", [sys.executable, "service.py"]),
    "Flask": ("service.py", [sys.executable, "service.py"]),
    "gunicorn": ("gunicorn.conf.py", [sys.executable, "-m", "gunicorn", "--workers=2", "application:app"]),
}


def program(heading: str) -> str:
    """The first program below a heading."""
    return re.findall(r"```python\n(.*?)```", TEXT.partition(f"\n## {heading}\n")[2], re.DOTALL)[0]


@contextmanager
def running(folder: Path, heading: str, port: int) -> Iterator[None]:
    name, command = SERVICES[heading]
    text = program(heading).replace("/etc/pki/anchorage", str(folder / "pki")).replace("8443", str(port))
    (folder / name).write_text(text.replace("0.0.0.0", "127.0.0.1"))
    (folder / "application.py").write_text(APPLICATION)
    shutil.copy(latest_context.__file__, folder)
    with (folder / "log").open("w") as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as service:
        try:
            yield
        finally:
            service.send_signal(signal.SIGTERM)


def served(port: int, deadline: float) -> str:
    """The certificate that is served, in PEM; the service may still be starting."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=issuer()[0].public_bytes(Encoding.PEM).decode())
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=5)
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    with context.wrap_socket(connection, server_hostname="app.test") as tls:
        certificate = ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True) or b"")
        tls.sendall(b"GET / HTTP/1.0\r\nHost: app.test\r\n\r\n")
        answer = b"".join(iter(lambda: tls.recv(4096), b""))
        assert answer.endswith(b"hello\n")
    return certificate


@pytest.mark.parametrize("heading", SERVICES)
def test_a_service_shows_a_new_certificate_without_a_restart(heading: str, private_folder: Path) -> None:
    destination = destination_at(private_folder / "pki")
    leaves = [make_leaf() for _each in range(3)]
    deploy_leaf(destination, leaves[0])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    deadline = time.monotonic() + 30
    with running(private_folder, heading, port):
        seen = [served(port, deadline)]
        for generation, leaf in enumerate(leaves[1:], 1):
            deploy_leaf(destination, leaf, generation)
            seen.append(served(port, deadline))
    assert seen == [leaf.certificate for leaf in leaves], (private_folder / "log").read_text()
