# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The authority of a development proxy in real runs, by the roles dev_machine and certificate_authority."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proxy_folder import (
    FILES,
    PROXY_CERTIFICATE,
    PROXY_KEY,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority, read_delegated
from ansible_collections.anchorage.pki.tests.playbooks.authorities import make_authority
from ansible_collections.anchorage.pki.tests.playbooks.fleets import Fleet
from ansible_collections.anchorage.pki.tests.playbooks.plays import Run
from cryptography import x509

NO_CHANGE = "changed=0 "
UNINSTALLED = """
    - include_role: {name: anchorage.pki.dev_machine, tasks_from: uninstall}
"""


class DevelopmentMachine(Fleet):
    """This machine, with a home of its own, whose trust stores are left out."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.proxy = self.controller.home / ".local/share/anchorage/proxy"
        self.variables = {
            "anchorage_authority": str(self.authority),
            "trust_anchor_stores": [],
            "dev_machine_destination": str(folder / "localhost"),
            "dev_machine_renewal": False,
        }

    def set_up(self, *options: str, **variables: object) -> Run:
        return self.run("dev_machine", "--skip-tags=trust", *options, hosts=0, **variables)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.proxy.glob("*"))


@pytest.fixture
def machine(private_folder: Path) -> DevelopmentMachine:
    machine = DevelopmentMachine(private_folder)
    make_authority(machine.authority)
    return machine


def test_a_development_machine_has_one_and_loses_it_again(machine: DevelopmentMachine) -> None:
    without = machine.set_up()
    assert (without.status, machine.proxy.exists()) == (0, False), without.output
    checked = machine.set_up("--check", "--diff", dev_machine_proxy=True)
    assert (checked.status, "development proxy 1: new, for 90 days (there is none yet)" in checked.text) == (0, True)
    assert not machine.proxy.exists()
    made = machine.set_up(dev_machine_proxy=True)
    assert (made.status, machine.files()) == (0, sorted(FILES)), made.output
    assert "in no ledger and has no staple" in made.text
    assert f"cert {machine.proxy / PROXY_CERTIFICATE}" in made.text
    (proxy,) = read_delegated(machine.authority)
    certificate = x509.load_pem_x509_certificate((machine.proxy / PROXY_CERTIFICATE).read_bytes())
    assert certificate == proxy.certificate
    assert "PRIVATE KEY" not in made.text + checked.text
    again = machine.set_up(dev_machine_proxy=True)
    assert (again.status, again.output.count(NO_CHANGE)) == (0, 1), again.output
    # What signs the machine's own leaf is what did before.
    assert read_authority(machine.authority).issuing.number == 1

    checked = machine.set_up("--check", "--diff")
    assert (checked.status, "-development proxy 1: until " in checked.text) == (0, True), checked.output
    assert machine.files() == sorted(FILES)
    assert machine.set_up().status == 0
    assert not machine.proxy.exists()
    assert not (proxy.folder / "key.pem").exists()
    assert NO_CHANGE in machine.set_up().output


def test_uninstalling_a_development_machine_takes_the_files(machine: DevelopmentMachine) -> None:
    assert machine.set_up(dev_machine_proxy=True).status == 0
    (machine.folder / "play.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{UNINSTALLED}")
    options = f"--extra-vars=anchorage_authority={machine.authority} dev_machine_destination={machine.folder}/localhost"
    gone = machine.controller.run("play.yml", options)
    assert (gone.status, machine.proxy.exists()) == (0, False), gone.output
    assert NO_CHANGE in machine.controller.run("play.yml", options).output


def test_the_role_mends_and_removes_it_and_uninstall_takes_the_files(machine: DevelopmentMachine) -> None:
    folder = machine.folder / "caddy" / "proxy"
    given = {"certificate_authority_development_proxy": {"folder": str(folder)}}
    first = machine.run("authority", **given)
    assert first.status == 0, first.output
    key = (folder / PROXY_KEY).read_bytes()
    (folder / PROXY_KEY).unlink()
    checked = machine.run("authority", "--check", "--diff", **given)
    assert f"{folder} has not what it should have: {PROXY_KEY})" in checked.text
    assert not (folder / PROXY_KEY).exists()
    assert machine.run("authority", **given).status == 0
    assert (folder / PROXY_KEY).read_bytes() == key
    # A run that says nothing of it leaves it alone.
    assert NO_CHANGE in machine.run("authority").output
    assert folder.exists()
    left = machine.run("uninstall", "--check", **given)
    assert (left.status, folder.exists()) == (0, True), left.output
    gone = machine.run("uninstall", **given)
    assert (gone.status, list(folder.iterdir())) == (0, []), gone.output
    absent = {"certificate_authority_development_proxy": {"folder": str(folder), "state": "absent"}}
    assert machine.run("authority", **absent).status == 0
    assert not (machine.authority / "delegated" / "1" / "key.pem").exists()
    assert NO_CHANGE in machine.run("authority", **absent).output


def test_what_cannot_be_had_is_refused_and_nothing_changed(machine: DevelopmentMachine) -> None:
    refused = machine.run("authority", certificate_authority_development_proxy={"folder": "proxy", "owner": "nobody-x"})
    assert (refused.status, "development_proxy: " in refused.text) == (2, True), refused.output
    assert not (machine.authority / "delegated").exists()
