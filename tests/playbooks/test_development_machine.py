# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role dev_machine prints to be pasted: each of the programs serves by it, as it is but for its ports."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from ansible_collections.anchorage.pki.tests.conftest import folder_for_keys
from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority
from ansible_collections.anchorage.pki.tests.playbooks.fleets import Fleet
from ansible_collections.anchorage.pki.tests.unit.leaves import NGINX, free_port
from ansible_collections.anchorage.pki.tests.unit.nginx_configuration import nginx_configuration
from interoperability.programs import need, run
from interoperability.web_servers import started

#: Each program's block is valid with its heading, which is a comment.
HEADING = re.compile(r"^(?:#|//) (nginx|Caddy|Node|Python|Vite), .*:$", re.MULTILINE)
#: Vite hands the option server.https to Node's own server. It is no package of Debian.
VITE = """
import config from './vite.config.mjs';
import { createServer } from 'node:https';
createServer(config.server.https, (request, response) => response.end('site')).listen(PORT, '127.0.0.1');
"""


class Printed(NamedTuple):
    """What a run printed, by the program, and the root that its clients trust."""

    blocks: dict[str, str]
    summary: str
    root: Path
    folder: Path


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    # Its leaves are in a folder whose name each program has to be given in quotation marks.
    with folder_for_keys(tmp_path_factory.mktemp("development")) as folder:
        fleet = Fleet(folder)
        make_authority(fleet.authority)
        fleet.variables = {
            "anchorage_authority": str(fleet.authority),
            "dev_machine_destination": "~/my 100% leaves",
            "dev_machine_names": ["shop.localhost", "api.shop.localhost", "*.dev.shop.localhost", "127.0.0.1", "::1"],
            "dev_machine_renewal": False,
        }
        done = fleet.run("dev_machine", "--skip-tags=trust", hosts=0)
        assert done.status == 0, done.output
        _before, *parts = HEADING.split(done.output)
        blocks = dict(zip(parts[::2], parts[1::2], strict=True))
        blocks["Vite"], end, summary = blocks["Vite"].partition("\n};\n")
        blocks["Vite"] += end
        yield Printed(blocks, summary, fleet.authority / "root/1/certificate.pem", fleet.controller.home)


class Application(BaseHTTPRequestHandler):
    """What listens on port 3000."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"site")

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def application() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Application) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def write(file: Path, text: str, *ports: tuple[int, int]) -> Path:
    """Write a block with other ports than those that are printed, each of which it has to name."""
    for there, here in ports:
        assert re.search(rf"\b{there}\b", text)
        text = re.sub(rf"\b{there}\b", str(here), text)
    file.write_text(text)
    return file


def fetch(printed: Printed, port: int, name: str = "shop.localhost") -> str:
    """What curl, which trusts the root alone, gets from a server under this name."""
    to = ("--noproxy", "*", "--resolve", f"{name}:{port}:127.0.0.1", f"https://{name}:{port}/")
    return run("curl", "--silent", "--show-error", "--cacert", printed.root, *to, check=True).stdout


@pytest.mark.parametrize("name", ["shop.localhost", "api.shop.localhost", "x.dev.shop.localhost"])
def test_nginx_serves(printed: Printed, application: int, tmp_path: Path, name: str) -> None:
    need("nginx")
    port = free_port()
    file = write(tmp_path / "block", printed.blocks["nginx"], (443, port), (3000, application))
    (tmp_path / "nginx.conf").write_text(nginx_configuration(file.read_text()).replace("{folder}", str(tmp_path)))
    command = [NGINX, "-e", tmp_path / "error.log", "-c", tmp_path / "nginx.conf"]
    with started(command, port, tmp_path / "log"):
        assert fetch(printed, port, name) == "site"


@pytest.mark.parametrize("name", ["shop.localhost", "api.shop.localhost", "x.dev.shop.localhost"])
def test_caddy_serves(printed: Printed, application: int, tmp_path: Path, name: str) -> None:
    need("caddy")
    port = free_port()
    block = printed.blocks["Caddy"].replace("auto_https off", "auto_https off\n    admin off")
    file = write(tmp_path / "Caddyfile", block, (8443, port), (3000, application))
    with started(["caddy", "run", "--adapter", "caddyfile", "--config", file], port, tmp_path / "log"):
        assert fetch(printed, port, name) == "site"


def test_node_serves(printed: Printed, tmp_path: Path) -> None:
    need("node")
    port = free_port()
    file = write(tmp_path / "server.mjs", printed.blocks["Node"], (8443, port))
    with started(["node", file], port, tmp_path / "log"):
        assert fetch(printed, port) == "hello\n"


def test_node_serves_as_vite_does(printed: Printed, tmp_path: Path) -> None:
    need("node")
    port = free_port()
    write(tmp_path / "vite.config.mjs", printed.blocks["Vite"])
    (tmp_path / "server.mjs").write_text(VITE.replace("PORT", str(port)))
    with started(["node", tmp_path / "server.mjs"], port, tmp_path / "log"):
        assert fetch(printed, port) == "site"


def test_python_serves_beside_a_connection_on_which_nothing_comes(printed: Printed, tmp_path: Path) -> None:
    port = free_port()
    file = write(tmp_path / "server.py", printed.blocks["Python"], (8443, port))
    # The connection with which the start is waited for stays silent, as a browser's spare ones do.
    with started([sys.executable, file], port, tmp_path / "log"):
        assert "Directory listing" in fetch(printed, port)


def test_the_summary_names_the_folder_and_how_to_undo_it(printed: Printed) -> None:
    assert f"\nfiles: {printed.folder}/my 100% leaves/app/current/ (fullchain.pem, " in printed.summary
    undo = re.search(r"^undo, with this run's options: (ansible-playbook .*)$", printed.summary, re.MULTILINE)
    assert undo
    subprocess.run(["sh", "-n", "-c", undo[1]], check=True)
