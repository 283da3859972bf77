# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Uninstalling in real runs: leaves that the inventory no longer names go too, and the ledger stays while one is left.

The host is this machine, whose trust stores are left out.
"""

from __future__ import annotations

import json
import posixpath
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.anchorage.pki.plugins.module_utils._leaf_deployment.look import look
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.plugins.modules import leaf_deployment
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.host import CallHost
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import parse_requests
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.transaction import LeafTransaction
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller, Run

UNINSTALL = Path(__file__).resolve().parents[2] / "playbooks" / "uninstall.yml"
ROLE = """
    - include_role: {name: anchorage.pki.%s, tasks_from: uninstall}
"""
#: What argument validation makes of a task of leaf_certificate that gives nothing.
TASK = {
    "destination": "/etc/pki/anchorage",
    "certificates": None,
    "profile": "server",
    "key_type": "ecdsa-p256",
    "private_key": "controller",
    "lifetime": None,
    "staple": True,
    "must_staple": False,
    "pkcs12_passphrase": None,
    "server": "none",
}
PLACES = ("{{ folder }}/pki/app", "{{ folder }}/pki/former", "{{ folder }}/former/app", "~/pki/app", "~/former/app")


class Fleet:
    """Hosts, whose user's home and whose leaves are in a folder."""

    #: What removes the authority from them.
    playbook: Path | str = "anchorage.pki.uninstall"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.controller = Controller(folder)
        self.options = [f"--extra-vars=folder={folder} anchorage_authority={folder}/authority"]

    def play(self, tasks: str, *options: str) -> Run:
        playbook = self.folder / "play.yml"
        playbook.write_text(f"- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
        return self.run(playbook, *options)

    def run(self, playbook: Path | str, *options: str) -> Run:
        return self.controller.run(playbook, *self.options, *options)

    def issue(self, *places: str) -> None:
        """Make the authority, and deploy a leaf in each of these places, without the cost of a run."""
        folder, now = self.folder / "authority", datetime.now(timezone.utc)
        folder.mkdir(mode=0o700)
        authority = carry_out(plan_provisioning(folder, {}, "Test authority", now), Passphrases(), now)
        with open_ledger(authority.ledger_path) as ledger:
            for place in places:
                destination, name = posixpath.split(place.replace("{{ folder }}", str(self.folder)))
                call = self.host_half(destination.replace("~", str(self.controller.home)))
                transaction = LeafTransaction(authority, Passphrases(), ledger, call, None, now)
                request = parse_requests({**TASK, "name": name, "names": ["app.test"]})
                plans, _probes = transaction.plan(request, [LeafPlace("host1", destination, name)])
                transaction.carry_out(plans)

    def host_half(self, destination: str) -> CallHost:
        """The module that deploys leaves, called in this process."""

        def call(arguments: dict[str, Any]) -> dict[str, Any]:
            validated = ArgumentSpecValidator(leaf_deployment.ARGUMENT_SPEC).validate(
                {"destination": destination, **arguments}
            )
            assert not validated.error_messages
            given = validated.validated_parameters
            return look(given) if "inspect" in arguments else encode(leaf_deployment.deliver(given))

        return call

    def left(self) -> list[str]:
        """The leaves that have a key."""
        return sorted(str(key.parents[1].relative_to(self.folder)) for key in self.folder.glob("**/v1/privkey.pem"))

    def delete(self, hosts: str | list[str], *options: str) -> Run:
        """Run the playbook with ``anchorage_delete_authority``."""
        variables = json.dumps({"anchorage_hosts": hosts, "anchorage_delete_authority": True})
        return self.run(self.playbook, f"--extra-vars={variables}", *options)


@pytest.fixture
def fleet(private_folder: Path) -> Fleet:
    return Fleet(private_folder)


def test_leaves_that_the_inventory_no_longer_names_go_too(fleet: Fleet) -> None:
    fleet.issue(*PLACES)
    before = fleet.left()
    assert len(before) == len(PLACES)
    uninstall = ROLE % "leaf_certificate"
    named = '--extra-vars={"leaf_certificate_certificates": [{"name": "app"}, {"name": "never"}]}'
    options = (named, f"--extra-vars=leaf_certificate_destination={fleet.folder}/pki/")
    planned = fleet.play(uninstall, "--check", *options)
    assert (planned.status, fleet.left()) == (0, before), planned.output
    assert "changed=1 " in planned.output
    assert planned.output.count("changed: [host1] => (item=") == 3
    done = fleet.play(uninstall, *options)
    assert done.output.count("changed: [host1] => (item=") == 3
    # Whose home ~ is depends on who runs.
    assert fleet.left() == ["home/former/app", "home/pki/app"]
    assert not list(fleet.folder.glob("*pki")) + list(fleet.folder.glob("former"))
    again = fleet.play(uninstall, *options)
    assert "changed=0 " in again.output
    assert again.status == 0


def test_a_destination_below_the_home_is_taken_at_its_word(fleet: Fleet) -> None:
    fleet.issue("~/pki/former", "~/former/app")
    done = fleet.play(ROLE % "leaf_certificate", "--extra-vars=leaf_certificate_destination=~/pki")
    assert (done.status, fleet.left()) == (0, ["home/former/app"]), done.output


@pytest.mark.parametrize("destination", ["~/pki", "{{ folder }}/own"])
def test_a_development_machine_forgets_all_of_its_users_leaves(fleet: Fleet, destination: str) -> None:
    fleet.issue(f"{destination}/app", f"{destination}/former", "~/former/app", "{{ folder }}/pki/of-root")
    uninstall, options = ROLE % "dev_machine", f"--extra-vars=dev_machine_destination='{destination}'"
    done = fleet.play(uninstall, options)
    assert (done.status, fleet.left()) == (0, ["pki/of-root"]), done.output
    assert "changed=0 " in fleet.play(uninstall, options).output


def test_the_authority_stays_while_a_host_has_leaves_that_was_not_visited(fleet: Fleet) -> None:
    authority = fleet.folder / "authority"
    fleet.issue("{{ folder }}/pki/app")
    # Without the hosts' part, which would look into this machine's trust stores.
    fleet.playbook = fleet.folder / "last_play.json"
    fleet.playbook.write_text(json.dumps(yaml.safe_load(UNINSTALL.read_text(encoding="utf-8"))[-1:]))
    visited = "--extra-vars=anchorage_gone=true"
    refused = fleet.delete("host1")
    assert refused.status == 2
    assert f"any more from host1, {fleet.folder}/pki/app on host1." in " ".join(refused.output.split())
    refused = fleet.delete("host1", visited)
    assert refused.status == 2
    assert f"could be removed any more from {fleet.folder}/pki/app on host1." in " ".join(refused.output.split())
    assert authority.exists()
    kept = fleet.run(fleet.playbook, "--extra-vars=anchorage_hosts=host1", visited)
    assert f"Not undone yet: {fleet.folder}/pki/app on host1. To delete it" in kept.output
    fleet.play(ROLE % "leaf_certificate")
    kept = fleet.run(fleet.playbook, "--extra-vars=anchorage_hosts=host1", visited)
    assert "Not undone yet" not in kept.output
    assert fleet.delete("host1", "--check", visited).status == 0
    assert authority.exists()
    assert fleet.delete(["host1"], visited).status == 0
    assert not authority.exists()
    assert fleet.delete("host1", visited).status == 0


def test_the_authority_stays_where_no_host_was_meant(fleet: Fleet) -> None:
    fleet.issue()
    refused = fleet.delete("hots1")
    assert refused.status == 2
    assert "since no host of the inventory fits anchorage_hosts=hots1." in " ".join(refused.output.split())
    assert (fleet.folder / "authority").exists()


def test_a_wrong_first_run_is_started_over(fleet: Fleet) -> None:
    """As the README says, for the authority alone: what hosts have is removed as ever."""
    make = """
    - anchorage.pki.certificate_authority:
        authority: "{{ anchorage_authority }}"
        permitted_domains: [corp.example.com]
      delegate_to: localhost
"""
    fleet.issue("{{ folder }}/pki/app")
    refused = fleet.play(make)
    assert refused.status == 2
    assert "start over: run the playbook anchorage.pki.uninstall with anchorage_delete_authority=true" in refused.output
    assert fleet.play(ROLE % "leaf_certificate").status == 0
    fleet.playbook = fleet.folder / "last_play.json"
    fleet.playbook.write_text(json.dumps(yaml.safe_load(UNINSTALL.read_text(encoding="utf-8"))[-1:]))
    deleted = fleet.delete("host1", "--extra-vars=anchorage_gone=true")
    assert deleted.status == 0
    assert f"its private keys and its ledger: the authority in {fleet.folder}/authority Hosts on which" in deleted.text
    assert "nothing of it is left: 1" in deleted.text
    assert "changed=1 " in fleet.play(make).output
