# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks that pages of docs/ show for users to copy, in real runs, and what else people write around roles.

The hosts are this machine, whose trust stores are looked at in check mode only.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.fleets import tree
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller, Run
from cryptography import x509
from cryptography.hazmat.primitives import hashes

DOCS = Path(__file__).parents[2] / "docs"
SHOWN = sorted((DOCS / "playbooks").glob("*.yml"))

on_debian_as_root = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/etc/debian_version"), reason="looks at this machine: needs root on Debian"
)


class Fleet:
    """Two web servers and a controller, with all that is made in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.controller = Controller(folder)
        self.groups = folder / "groups.json"
        self.groups.write_text(json.dumps({"web": {"hosts": {"host1": {}, "host2": {}}}}))
        self.variables = {
            "ansible_become": False,
            "leaf_certificate_destination": f"{folder}/roles/{{{{ inventory_hostname }}}}",
            "trust_anchor_stores": ["system"],
            "application_folder": f"{folder}/tasks/{{{{ inventory_hostname }}}}",
            "application_reload": ["sh", "-c", f"echo {{{{ inventory_hostname }}}} >> {folder}/reloads"],
            "balancer": "host2",
            "balancer_folder": f"{folder}/balancer",
            "corporate_authority": f"{folder}/corporate",
            "corporate_passphrase": "sixteen characters or more",
            "windows_folder": str(folder),
        }

    def run(self, *arguments: str, **variables: object) -> Run:
        """Run playbooks of the page, by their names, with other options of ansible-playbook."""
        shown = [str(DOCS / "playbooks" / f"{name}.yml") if name.isidentifier() else name for name in arguments]
        extra = json.dumps({**self.variables, **variables})
        return self.controller.run(f"--inventory={self.groups}", f"--extra-vars={extra}", *shown, hosts=2)

    def deployed(self) -> list[str]:
        """Which leaves hosts have, by the folders in which they are in use."""
        return sorted(str(path.parent.relative_to(self.folder)) for path in self.folder.glob("*/**/current"))


@pytest.fixture
def fleet(private_folder: Path) -> Fleet:
    return Fleet(private_folder)


def test_the_pages_show_the_playbooks_that_are_run() -> None:
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in ("playbooks.md", "windows.md"))
    blocks = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    headers, plays = zip(*(path.read_text(encoding="utf-8").split("\n\n", 1) for path in SHOWN), strict=True)
    assert all(header.startswith("---\n# Copyright (c) ") for header in headers)
    assert sorted(blocks) == sorted(plays)


@on_debian_as_root
def test_a_first_check_of_own_playbooks_makes_nothing(fleet: Fleet) -> None:
    before = tree(fleet.folder)
    checked = fleet.run("--check", "--diff", "roles", "tasks")
    assert checked.status == 0, checked.output[-3000:]
    assert not fleet.deployed()
    of_the_run = {"inventory.json", "log"}
    assert {path for path in tree(fleet.folder) if not path.startswith("home/")} == {*before, *of_the_run}
    for words in (
        "+debian: trusted",
        "+application: generation 1, a new ecdsa-p256 server leaf for application.internal (nothing is deployed yet)",
    ):
        assert checked.output.count(words) >= 2, words


def test_own_playbooks_do_as_their_page_says_and_nothing_when_run_again(fleet: Fleet) -> None:
    names = ("roles", "tasks", "several", "delegation", "windows")
    done = fleet.run("--skip-tags=trust", "failures", *names)
    assert done.status == 0, done.output[-3000:]
    roles = [f"roles/{host}/{name}" for host in ("host1", "host2") for name in ("application", "blue", "red")]
    assert fleet.deployed() == ["balancer/balanced", *roles, "tasks/host1/application", "tasks/host2/application"]
    assert (fleet.folder / "reloads").read_text() == "host1\nhost2\n"
    assert done.output.count("has a new certificate: nothing is deployed yet") == 2
    assert len(re.findall(r"host\d has no certificate: There is no authority in", done.output)) == 2
    assert "changed: [host1 -> host2]" in done.output
    assert done.errors.count("WARNING") == done.errors.count("run_once with the free strategy"), done.errors
    assert fleet.variables["corporate_passphrase"] not in done.text
    (root,) = fleet.folder.glob("*.cer")
    certificate = x509.load_pem_x509_certificate(root.read_bytes())
    assert root.stem == f"anchorage-{certificate.fingerprint(hashes.SHA256()).hex()[:16]}"
    again = fleet.run("--skip-tags=trust", *names)
    assert again.status == 0, again.output[-3000:]
    assert not re.search("changed=[1-9]", again.output)
    assert (fleet.folder / "reloads").read_text() == "host1\nhost2\n"

    # A part of it, for a part of the hosts, from the middle.
    options = ("--limit=host1", "--tags=issue", "--start-at-task=Issue, staple, deploy and activate *")
    part = fleet.run("--check", "--diff", *options, "roles", leaf_certificate_lifetime=30)
    assert part.status == 0, part.output
    assert "+application: generation 2" in part.output
    assert "host2" not in part.output


AROUND = """
- name: Roles around which people write much
  hosts: web
  gather_facts: false
  module_defaults:
    group/anchorage.pki.pki:
      authority: "{{ own_authority }}"
      passphrase: sixteen characters or more
    anchorage.pki.leaf_certificate:
      lifetime: 30
  handlers:
    - name: Told by apply
      ansible.builtin.debug:
        msg: told {{ inventory_hostname }}
  tasks:
    - name: Make it
      anchorage.pki.certificate_authority:
        leaf_lifetime: 60
      run_once: true

    - name: The leaf of the other host
      ansible.builtin.include_role:
        name: anchorage.pki.leaf_certificate
        apply:
          delegate_to: "{{ other }}"
          notify: Told by apply
          throttle: 1
      vars:
        other: "{{ groups.web | difference([inventory_hostname]) | first }}"
        leaf_certificate_destination: "{{ play_folder }}/{{ other }}"
        leaf_certificate_certificates: [{name: other, names: [other.internal]}]

    - name: Asked for no authority, which group and task have in common
      anchorage.pki.ocsp_staple:
        name: other
        state: absent
        destination: "{{ play_folder }}/staples"

    - name: A role that fails, and is not minded
      ansible.builtin.include_role:
        name: anchorage.pki.leaf_certificate
        apply:
          ignore_errors: true
      vars:
        leaf_certificate_certificates: [{name: bad, names: [example.com]}]

    - name: See that it is known
      ansible.builtin.assert:
        that: leaf_certificate_result is failed

    - name: In the background
      anchorage.pki.trust_anchor_info:
      async: 10
      poll: 0
      ignore_errors: true

    - name: Tried again
      anchorage.pki.leaf_certificate:
        name: tried
        names: [tried.internal]
        destination: "{{ play_folder }}/{{ inventory_hostname }}"
      register: tried
      until: tried is not changed
      retries: 2
      delay: 0

    - name: A default that no task has
      anchorage.pki.certificate_authority_info:
      module_defaults:
        group/anchorage.pki.pki:
          autority: /nowhere
      ignore_errors: true
"""


def test_what_people_write_around_roles_works_or_is_refused_in_a_sentence(fleet: Fleet) -> None:
    plays = fleet.folder / "around.yml"
    plays.write_text(AROUND)
    del fleet.variables["leaf_certificate_destination"]
    own = {"own_authority": f"{fleet.folder}/authority", "play_folder": f"{fleet.folder}/around"}
    done = fleet.run(str(plays), **own)
    assert done.status == 0, done.output[-3000:]
    assert fleet.deployed() == [f"around/{host}/{name}" for host in ("host1", "host2") for name in ("other", "tried")]
    assert {"changed: [host1 -> host2]", "changed: [host2 -> host1]"} <= set(done.output.splitlines())
    assert re.findall(r"told (host\d)", done.output) == ["host1", "host2"]
    for refusal in (
        "names: example.com would be rejected by every client",
        "This action (anchorage.pki.trust_anchor_info) does not support async.",
        "autority is unknown, did you mean authority?",
    ):
        assert done.output.count(f'"msg": "{refusal}') + done.output.count(f" {refusal}") >= 2, refusal
