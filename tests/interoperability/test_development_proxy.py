# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Caddy signs leaves for names below localhost by the authority of a development proxy, by the role's Caddyfile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2
import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import UNCHANGED
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import CERTIFICATE
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.development_proxy import (
    carry_out_proxy,
    plan_proxy,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proxy_folder import ProxyFolder
from ansible_collections.anchorage.pki.tests.unit.leaves import free_port
from interoperability.pki import NOW, Pki
from interoperability.programs import need, run
from interoperability.web_servers import started

COLLECTION = Path(__file__).parents[2]
TEMPLATE = COLLECTION / "roles/dev_machine/templates/Caddyfile.j2"
#: What of it is another here: no port below 1024, and no storage, server or application of the user's own.
HERE = """
    admin off
    storage file_system {folder}/storage
    http_port {http}
    https_port {https}
    skip_install_trust
"""
#: A proxy that is asked for a name outside, and told that it may sign for that.
CARELESS = ("respond 403", "respond 200")


@dataclass(frozen=True)
class Proxy:
    """A Caddy that is running, and the root that its clients trust."""

    port: int
    root: Path

    def ask(self, name: str) -> tuple[bool, str]:
        """Whether curl gets the site of that name, and what it says."""
        to = ["--resolve", f"{name}:{self.port}:127.0.0.1", f"https://{name}:{self.port}/"]
        command = ["curl", "--silent", "--show-error", "--cacert", self.root, *to]
        done = run(*command)
        if "certificate is not yet valid" in done.stdout:
            # Caddy signed at the beginning of a second, which time(2) may begin some milliseconds later.
            time.sleep(1)
            done = run(*command)
        return done.returncode == 0, done.stdout


def caddyfile(folder: Path, proxy: Path, https: int) -> str:
    """The role's own, with ports and folders of this test."""
    ask = free_port()
    text = jinja2.Template(TEMPLATE.read_text(), keep_trailing_newline=True).render(dev_machine_proxy_folder=proxy)
    here = HERE.format(folder=folder, http=free_port(), https=https)
    for former, other in (
        ("\n\tskip_install_trust\n", here),
        ("127.0.0.1:5555", f"127.0.0.1:{ask}"),
        ("reverse_proxy 127.0.0.1:3000", 'respond "site {host}"'),
    ):
        assert former in text
        text = text.replace(former, other)
    return text


@pytest.fixture(params=[(), CARELESS], ids=["as documented", "careless"])
def proxy(request: pytest.FixtureRequest, pki: Pki, private_folder: Path, tmp_path: Path) -> Iterator[Proxy]:
    need("caddy")
    folder = ProxyFolder(private_folder / "proxy", UNCHANGED, True)
    plan = plan_proxy(folder, pki.authority, pki.authority.policy, NOW)
    carry_out_proxy(plan, pki.authority, Passphrases(), NOW)
    port = free_port()
    text = caddyfile(tmp_path, folder.path, port)
    if request.param:
        assert request.param[0] in text
        text = text.replace(*request.param)
    file = tmp_path / "Caddyfile"
    file.write_text(text)
    with started(["caddy", "run", "--adapter", "caddyfile", "--config", file], port, tmp_path / "log"):
        yield Proxy(port, pki.authority.root.folder / CERTIFICATE)


@pytest.mark.parametrize("name", ["localhost", "app.localhost", "other.localhost", "deep.below.app.localhost"])
def test_every_name_below_localhost_is_served(proxy: Proxy, name: str) -> None:
    assert proxy.ask(name) == (True, f"site {name}")


@pytest.mark.parametrize("name", ["app.test", "notlocalhost"])
def test_a_name_outside_is_refused(proxy: Proxy, name: str, request: pytest.FixtureRequest) -> None:
    """By Caddy, which signs no leaf for it; by the client's look at the constraints, where Caddy does."""
    is_accepted, words = proxy.ask(name)
    assert not is_accepted
    careless = "careless" in request.node.name
    assert ("permitted subtree violation" if careless else "alert internal error") in words


def test_the_documentation_shows_the_same_caddyfile() -> None:
    folder = "/home/me/.local/share/anchorage/proxy"
    shown = jinja2.Template(TEMPLATE.read_text()).render(dev_machine_proxy_folder=folder)
    assert f"```caddyfile\n{shown}\n```\n" in (COLLECTION / "docs/development-proxy.md").read_text()
