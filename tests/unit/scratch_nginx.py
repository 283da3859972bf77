# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real nginx that reads its certificates by the pointer file."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.controls import CONTROLS
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, Probe
from ansible_collections.anchorage.pki.plugins.module_utils._tls.errors import ProbeError
from ansible_collections.anchorage.pki.plugins.module_utils._tls.probe import served_staple
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    NGINX,
    NO_SERVER,
    Leaf,
    delivery,
    destination_at,
    free_port,
)
from ansible_collections.anchorage.pki.tests.unit.nginx_configuration import nginx_configuration

CONFIGURATION = nginx_configuration("""
  include {folder}/extra*.conf;
  server {
    listen 127.0.0.1:{port} ssl;
    include "{folder}/pki/app/nginx.conf";
    return 200 "ok";
  }
""")
SECONDS = 5


class Nginx:
    """An nginx of the test's own that serves the leaf ``app``, and the activation that a task would name for it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.destination: Destination = destination_at(folder / "pki")
        (control,) = CONTROLS[self.destination.server]
        text = CONFIGURATION.replace("{folder}", str(folder)).replace("{port}", str(self.port))
        (folder / "nginx.conf").write_text(text)
        self.command = [str(NGINX), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
        self.activation = Activation(
            test=(*self.command, *control.test[1:]),
            reload=(*self.command, "-s", "reload"),
            timeout=10,
            probes=(Probe("app", "127.0.0.1", self.port, "app.test", staple=True),),
        )

    def wait_for(self, leaf: bytes, staple: bytes) -> None:
        """Wait until these are served: for a moment after a reload a former worker may still answer."""
        deadline = time.monotonic() + SECONDS
        while self.served() != (leaf, staple):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def served(self) -> tuple[bytes, bytes]:
        return served_staple("127.0.0.1", self.port, "app.test", SECONDS)


@contextmanager
def running_nginx(folder: Path, leaf: Leaf) -> Iterator[Nginx]:
    """An nginx that serves the leaf as generation 1, which it was started with and nothing has activated."""
    server = Nginx(folder)
    deploy(server.destination, [delivery(leaf)], NO_SERVER)
    with subprocess.Popen(server.command, stdin=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                assert server.served() == (leaf.der, leaf.staple)
                break
            except ProbeError:
                assert time.monotonic() < deadline, (folder / "error.log").read_text()
                time.sleep(0.05)
        try:
            yield server
        finally:
            process.terminate()
