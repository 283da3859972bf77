# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real web servers that serve a deployed leaf by its pointer files, each on a local port while a test needs it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.unit.leaves import free_port
from ansible_collections.anchorage.pki.tests.unit.nginx_configuration import nginx_configuration
from interoperability.programs import ENVIRONMENT
from lab import machine

SECONDS = 10
MODULES = Path("/usr/lib/apache2/modules")
_NGINX = nginx_configuration("""
  server {
    listen 127.0.0.1:{port} ssl;
    include "{pointers}/nginx.conf";
    return 200 "site";
  }
""")
_HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend site
  bind 127.0.0.1:{port} ssl crt-list {pointers}/haproxy.crt-list
  http-request return status 200 content-type text/plain string "site"
"""
_APACHE = """
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule socache_shmcb_module {modules}/mod_socache_shmcb.so
LoadModule ssl_module {modules}/mod_ssl.so
{user}
ServerName app.test
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
DocumentRoot {folder}
Listen 127.0.0.1:{port}
Include {pointers}/apache-cache.conf
<VirtualHost 127.0.0.1:{port}>
  SSLEngine on
  Include {pointers}/apache.conf
</VirtualHost>
"""
_CADDY = """
{
  admin off
  auto_https disable_redirects
  storage file_system {folder}/caddy
}
https://app.test:{port} {
  bind 127.0.0.1
  import {pointers}/caddy.conf
  respond "site"
}
"""


@dataclass(frozen=True)
class WebServer:
    """A server by its name in the option ``server``: its program, what starts it with a configuration, and what that
    is. With ``staples`` it shows the staple of a leaf that names no responder."""

    name: str
    program: str
    command: Callable[[Path], list[str | Path]]
    configuration: str
    #: The directive of who serves, where root starts it.
    user: str = ""
    staples: bool = True


WEB_SERVERS = (
    WebServer("nginx", "nginx", lambda file: ["-e", file.with_name("error.log"), "-c", file], _NGINX),
    WebServer("haproxy", "haproxy", lambda file: ["-db", "-f", file], _HAPROXY),
    WebServer("apache", "apache2", lambda file: ["-D", "FOREGROUND", "-f", file], _APACHE, "User www-data"),
    WebServer(
        "caddy", "caddy", lambda file: ["run", "--adapter", "caddyfile", "--config", file], _CADDY, staples=False
    ),
)


@contextmanager
def serving(server: WebServer, pointers: Path, folder: Path) -> Iterator[int]:
    """Have the server serve the leaf whose pointer files are in ``pointers``; its own files are in ``folder``. Yields
    its port."""
    program = machine.find_server(server.program)
    if program is None:
        pytest.skip(f"{server.program}: install {machine.PROGRAMS[server.program]}")
    port, user = free_port(), server.user if os.geteuid() == 0 else ""
    file = folder / f"{server.name}.conf"
    text = server.configuration
    for name, value in {"folder": folder, "port": port, "pointers": pointers, "user": user, "modules": MODULES}.items():
        text = text.replace(f"{{{name}}}", str(value))
    file.write_text(text)
    with started([program, *server.command(file)], port, folder / "log"):
        yield port


@contextmanager
def started(command: list[str | Path], port: int, log: Path) -> Iterator[None]:
    """A server that runs in the foreground, from when it takes connections to ``port`` on."""
    with log.open("w+") as output, subprocess.Popen(command, env=ENVIRONMENT, stdout=output, stderr=output) as process:
        try:
            _wait_for(port, process, log)
            yield
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), SECONDS).close()
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())
