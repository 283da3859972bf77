# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server's own commands: chosen by what a host has, and none where nothing could carry them out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.controls import CONTROLS
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, Probe
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.server_commands import with_commands

ASKED = Activation(timeout=7.0, probes=(Probe("app"),), server_commands=True)
UNITS = "usr/lib/systemd/system"
HAPROXY_TEST = ("haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg")


class Host:
    """The root folder of a host under systemd, and what is on its PATH."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("run/systemd/system", UNITS, "bin"):
            (root / folder).mkdir(parents=True)
        self.add_program("systemctl")

    def add_program(self, name: str) -> None:
        (self.root / "bin" / name).write_text("#!/bin/sh\n")
        (self.root / "bin" / name).chmod(0o755)

    def add_unit(self, name: str) -> None:
        (self.root / UNITS / f"{name}.service").touch()

    def add_file(self, path: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).touch()

    def choose(self, server: str, asked: Activation = ASKED) -> tuple[Activation, str]:
        return with_commands(server, asked, str(self.root))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return Host(tmp_path)


@pytest.mark.parametrize(
    ("server", "program", "unit", "file", "test"),
    [
        ("nginx", "nginx", "nginx", "", ("nginx", "-t")),
        ("haproxy", "haproxy", "haproxy", "etc/haproxy/haproxy.cfg", HAPROXY_TEST),
        ("apache", "apache2ctl", "apache2", "", ("apache2ctl", "-t")),
        ("apache", "apachectl", "httpd", "", ("apachectl", "-t")),
        ("caddy", "caddy", "caddy", "etc/caddy/Caddyfile", ("caddy", "adapt", "--config", "/etc/caddy/Caddyfile")),
    ],
)
def test_the_commands_are_those_that_the_host_has(
    host: Host, server: str, program: str, unit: str, file: str, test: tuple[str, ...]
) -> None:
    host.add_program(program)
    host.add_unit(unit)
    if file:
        host.add_file(file)
    chosen, notice = host.choose(server)
    assert notice == ""
    assert (chosen.test, chosen.reload) == (test, ("systemctl", "try-reload-or-restart", unit))
    assert (chosen.timeout, chosen.probes) == (ASKED.timeout, ASKED.probes)


def test_a_second_folder_of_configuration_is_tested_where_there_is_one(host: Host) -> None:
    host.add_program("haproxy")
    host.add_unit("haproxy")
    host.add_file("etc/haproxy/haproxy.cfg")
    (host.root / "etc/haproxy/conf.d").mkdir()
    assert host.choose("haproxy")[0].test == (*HAPROXY_TEST, "-f", "/etc/haproxy/conf.d")


def test_what_a_task_says_itself_stays(host: Host) -> None:
    host.add_program("nginx")
    host.add_unit("nginx")
    explicit = Activation(reload=("reload",))
    assert host.choose("nginx", explicit) == (explicit, "")
    assert host.choose("nginx", Activation(test=("test",), server_commands=True))[0].test == ("test",)


@pytest.mark.parametrize("server", [server for server, controls in CONTROLS.items() if controls])
def test_a_server_that_is_not_there_yet_is_left_alone(host: Host, server: str) -> None:
    chosen, notice = host.choose(server)
    assert chosen == Activation()
    assert notice.startswith(f"server is {server}, which is not on this host yet (there is no ")


def test_without_systemd_or_root_the_task_has_to_name_the_command(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.add_program("nginx")
    host.add_unit("nginx")
    (host.root / "run/systemd/system").rmdir()
    chosen, notice = host.choose("nginx")
    assert chosen == Activation()
    assert "since systemd does not run on this host. Name the command in activate.reload" in notice
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "since the task does not run as root. Name the command in activate.reload" in host.choose("nginx")[1]
