# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook site in real runs: a first check, its parts by tags, and a limit that leaves out the controller.

The host is this machine, whose trust stores are looked at in check mode only.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller, Run

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/etc/debian_version"), reason="looks at this machine: needs root on Debian"
)

CERTIFICATES = [{"name": "site", "names": ["site.test"]}]


class Fleet:
    """One host and a controller, with all that is made in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.authority, self.leaf = folder / "authority", folder / "pki" / "site"
        self.controller = Controller(folder)
        self.variables = {
            "ansible_become": False,
            "anchorage_authority": str(self.authority),
            "leaf_certificate_certificates": CERTIFICATES,
            "leaf_certificate_destination": str(folder / "pki"),
            "leaf_certificate_withdrawal": "off",  # no unit of systemd may stay on this machine
            "trust_anchor_stores": ["system"],
        }

    def site(self, *options: str, **variables: object) -> Run:
        extra = json.dumps({**self.variables, **variables})
        return self.controller.run("anchorage.pki.site", f"--extra-vars={extra}", *options)

    def doctor(self) -> str:
        run = self.controller.run("anchorage.pki.doctor", f"--extra-vars={json.dumps(self.variables)}")
        assert run.status == 0, run.output
        return run.output


@pytest.fixture
def fleet(private_folder: Path) -> Fleet:
    return Fleet(private_folder)


def test_a_first_check_says_what_the_run_does_and_makes_nothing(fleet: Fleet) -> None:
    checked = fleet.site("--check", "--diff")
    assert checked.status == 0, checked.output
    assert not fleet.authority.exists()
    assert not fleet.leaf.exists()
    for words in (
        "+root certificate 1: new, for 3650 days (there is none yet)",
        "-debian: absent",
        "+debian: trusted",
        "-site: nothing",
        "+site: generation 1, a new ecdsa-p256 server leaf for site.test (nothing is deployed yet)",
        "1 host: 1 would change.",
        "\nhost1  would change  would change  debian: trusted; ",
        "; site: new leaf, since nothing is deployed yet\n",
    ):
        assert words in checked.output
    done = fleet.site("--diff", "--tags=authority,issue")
    assert done.status == 0, done.output
    assert "+site: generation 1, a new ecdsa-p256 server leaf for site.test (nothing is deployed yet)" in done.output
    again = fleet.site("--check", "--tags=authority,issue")
    assert (again.status, again.output.count("changed=0 ")) == (0, 2), again.output


def test_a_first_check_passes_on_the_warnings_of_modules(fleet: Fleet) -> None:
    """Of a host whose Python was not named, Ansible warns in the result of the first module."""
    # Of all Pythons on the path, the first may be one that does not start.
    discovery = {"ansible_python_interpreter": "auto", "ansible_interpreter_python_fallback": [sys.executable]}
    checked = fleet.site("--check", **discovery)
    assert checked.status == 0, checked.output
    assert "is using the discovered Python interpreter" in checked.errors


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"anchorage_authority": "/etc/passwd/pki"}, "The folder /etc/passwd/pki cannot be made: File exists"),
        ({"leaf_certificate_certificates": [{"name": "site", "names": ["example.com"]}]}, "rejected by every client"),
        ({"leaf_certificate_lifetime": 91}, "lifetime: 91 days for 'site'"),
        ({"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}, "unreachable=1"),
    ],
)
def test_a_first_check_finds_what_the_run_would_stumble_over(
    fleet: Fleet, wrong: dict[str, object], words: str
) -> None:
    checked = fleet.site("--check", "--tags=authority,issue", **wrong)
    assert checked.status != 0
    assert words in checked.output, checked.output


def test_the_doctor_looks_at_leaves_that_someone_names_and_at_those_that_nobody_does(fleet: Fleet) -> None:
    assert fleet.site("--tags=authority,issue").status == 0
    Path(fleet.leaf.parent, "stray", "v1").mkdir(parents=True)
    found = fleet.doctor()
    assert re.search(r"^host1 +site +deployed +20\S+Z +20\S+Z +nothing$", found, re.MULTILINE), found
    assert re.search(rf"^host1 +{fleet.leaf.parent}/stray +unknown +no ledger knows it", found, re.MULTILINE)
    until = r"site of host1, or its staple, is the first to expire, at 20\S+Z"
    assert re.search(f"{until}: run the playbook anchorage.pki.issue before then.", found)
    del fleet.variables["leaf_certificate_certificates"]
    found = fleet.doctor()
    assert re.search(rf"^host1 +{fleet.leaf} +left over +unless another play keeps it, remove it", found, re.MULTILINE)


def test_a_part_of_the_work_says_what_it_lacks(fleet: Fleet) -> None:
    limited = fleet.site("--limit=host1")
    assert limited.status != 0
    assert "anchorage.pki.site makes one with --limit host1,localhost." in limited.output
    tagged = fleet.site("--check", "--tags=trust")
    assert tagged.status != 0
    assert "anchorage.pki.site makes one with --tags trust,authority." in tagged.output
    assert not fleet.authority.exists()
