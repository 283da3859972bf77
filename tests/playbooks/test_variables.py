# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A wrong variable ends a real run of roles and playbooks: in one sentence, before anything is made."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller, Run

#: Encrypted under a password that no run has.
SEALED = """!vault |
  $ANSIBLE_VAULT;1.1;AES256
  36363036626262386134333734383565616339353933356361343862633063643865663934396230
  3463636566366466393839366538333936663835353966630a643239393337366533633163666163
  33623661643036386464363830326163306366343237386430653536333339333165346338316463
  6661313161363530300a393462373861623465306665376466636635613761363233343563343431
  3634
"""

DEPLOY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.stat:
        path: /
      register: trust_anchor_found
- import_playbook: anchorage.pki.authority
- hosts: localhost
  gather_facts: false
  roles:
    - role: anchorage.pki.dev_machine
- import_playbook: anchorage.pki.issue
- hosts: all
  gather_facts: false
  roles:
    - role: anchorage.pki.variables
"""

#: A block for each way to a role: what is wrong is told in its first task, and the next one goes on.
WAYS = """
    - block:
        - ansible.builtin.import_role: {name: anchorage.pki.trust_anchor}
          vars: {trust_anchor_imported: 1}
      rescue:
        - debug: msg=rescued
    - block:
        - ansible.builtin.include_role: {name: anchorage.pki.leaf_certificate, tasks_from: uninstall}
          vars: {leaf_certificate_included: 1}
          when: inventory_hostname != 'host1'
      rescue:
        - debug: msg=rescued
"""


@pytest.fixture
def controller(private_folder: Path) -> Controller:
    return Controller(private_folder)


def with_variables(controller: Controller, **variables: Any) -> None:
    """Give each of the hosts these variables, in a file beside the inventory, and a value that nobody can read."""
    folder = controller.folder / "group_vars"
    folder.mkdir(exist_ok=True)
    settings = {"anchorage_authority": str(controller.folder / "authority"), **variables}
    lines = [f"{name}: {json.dumps(value)}" for name, value in settings.items()]
    (folder / "all.yml").write_text("\n".join([*lines, f"foreign_secret: {SEALED}"]), encoding="utf-8")


def told(run: Run) -> list[str]:
    """What a run says is wrong, in the order of its tasks."""
    failures = [line for line in run.output.splitlines() if line.startswith("fatal: ")]
    assert "?." not in run.output
    return [re.split(r"\.? If it is another tool's|\"}", line.partition('"msg": "')[2])[0] for line in failures]


@pytest.mark.parametrize("options", [[], ["--check", "--tags", "trust", "--limit", "localhost,host2"]])
def test_a_run_ends_before_the_authority_is_made(controller: Controller, options: list[str]) -> None:
    with_variables(controller, certificate_authority_permited_domains=["corp.example"], leaf_certificate_lifetime="30d")
    (controller.folder / "host_vars").mkdir()
    (controller.folder / "host_vars" / "host3.yml").write_text("leaf_certificates: []", encoding="utf-8")
    run = controller.run("anchorage.pki.site", "--extra-vars=anchorge_authority=/x", *options, hosts=3)
    assert run.status == 2
    assert run.output.count("PLAY [") == 2  # the first one begins the report
    assert told(run) == [
        "certificate_authority_permited_domains is unknown, did you mean certificate_authority_permitted_domains?"
        " (host1 and 2 other hosts); leaf_certificate_lifetime: '30d' is not a whole number (host1 and 2 other hosts);"
        " anchorge_authority is unknown, did you mean anchorage_authority? (host1 and 2 other hosts);"
        " leaf_certificates is unknown, did you mean leaf_certificate_certificates? (host3)"
    ]
    assert not (controller.folder / "authority").exists()


@pytest.mark.parametrize("playbook", ["doctor", "issue", "trust", "trust_audit", "uninstall"])
def test_every_other_playbook_begins_with_the_check(controller: Controller, playbook: str) -> None:
    with_variables(controller, leaf_certificates=[])
    run = controller.run(f"anchorage.pki.{playbook}", hosts=2)
    assert (run.status, run.output.count("TASK [")) == (2, 1)
    assert len(told(run)) == 1


def test_variables_of_plays_and_roles_count_too(controller: Controller) -> None:
    with_variables(controller)
    run = controller.play(WAYS, hosts=3, header="  vars: {trust_anchor_of_play: 1}\n")
    assert told(run) == [
        "trust_anchor_of_play is unknown; trust_anchor_imported is unknown",
        "trust_anchor_of_play is unknown; leaf_certificate_included is unknown",
    ]
    roles = """
  roles:
    - role: anchorage.pki.variables
    - role: anchorage.pki.trust_anchor
      vars: {trust_anchor_stores: [systm]}
"""
    run = controller.play("    []", hosts=3, header=roles[1:])
    kinds = "system, java, policies, nss, applications, files"
    assert told(run) == [f"trust_anchor_stores[0]: 'systm' is not one of {kinds}"]
    assert (run.status, run.output.count("TASK [")) == (2, 2)


def test_a_misspelled_variable_of_a_role_or_key_of_a_leaf_ends_the_run_with_the_likely_name(
    controller: Controller,
) -> None:
    with_variables(controller)
    roles = """  roles:
    - role: anchorage.pki.leaf_certificate
      vars:
        leaf_certificate_certificats: []
        leaf_certificate_certificates: [{name: site, nmaes: [site.test]}]
"""
    run = controller.play("    []", hosts=1, header=roles)
    (text,) = told(run)
    assert set(text.split("; ")) == {
        "leaf_certificate_certificats is unknown, did you mean leaf_certificate_certificates?",
        "leaf_certificate_certificates[0].nmaes is unknown, did you mean names?",
    }
    assert run.status == 2


def test_a_right_run_is_undisturbed(controller: Controller) -> None:
    """With several roles, whose own variables are there when the next one is checked, and others' variables."""
    with_variables(
        controller,
        leaf_certificate_certificates=[{"name": "site", "names": ["{{ inventory_hostname }}.internal"]}],
        leaf_certificate_destination=str(controller.folder / "{{ inventory_hostname }}"),
        leaf_certificate_lifetime="{{ days | default(omit) }}",
        dev_machine_renewal=False,
    )
    (controller.folder / "play.yml").write_text(DEPLOY, encoding="utf-8")
    run = controller.run("play.yml", "--extra-vars=ansible_become=false", hosts=2)
    assert run.status == 0, run.output + run.errors
    assert "WARNING" not in run.output + run.errors
    assert (controller.folder / "host2" / "site" / "current").exists()


def test_with_serial_the_first_batch_answers_for_all(controller: Controller) -> None:
    (controller.folder / "host_vars").mkdir()
    (controller.folder / "host_vars" / "host3.yml").write_text("leaf_certificates: []", encoding="utf-8")
    header = "  serial: 1\n  roles:\n    - role: anchorage.pki.variables\n"
    run = controller.play("    []", hosts=3, header=header)
    assert (run.status, run.output.count("PLAY ["), len(told(run))) == (2, 1, 1)
    skipped = controller.play("    []", hosts=3, header=header, ANSIBLE_SKIP_TAGS="anchorage.pki.variables")
    assert skipped.status == 0
