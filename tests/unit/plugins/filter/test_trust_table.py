# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the filters trust_table and leaf_table as Ansible calls them, and of the playbook doctor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleTypeError
from ansible_collections.anchorage.pki.plugins.filter import leaf_table, trust_table
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of

COLLECTION = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize("name", ["trust_table", "leaf_table"])
@pytest.mark.parametrize("value", [None, [], "text", {"host": None}, {"host": []}])
def test_what_is_no_dictionary_of_results_is_refused(name: str, value: Any) -> None:
    filters = {**trust_table.FilterModule().filters(), **leaf_table.FilterModule().filters()}
    with pytest.raises(AnsibleTypeError, match=f"{name} takes a dictionary of results"):
        filters[name](value)


@pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists("/etc/debian_version"), reason="needs root on Debian")
def test_the_playbook_shows_every_host_without_an_authority(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_bytes(pem_of(make_root("Lab root")))
    hosts = {
        "here": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        "gone": {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_retries": 0},
    }
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        f"--inventory={tmp_path / 'hosts.json'}",
        f"--extra-vars=trust_anchor_src={tmp_path / 'root.pem'}",
        "anchorage.pki.doctor",
    ]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTION / "build/collections"),
        "ANSIBLE_LOCAL_TEMP": str(tmp_path),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
        "ANSIBLE_STRATEGY": "ansible.builtin.free",  # by which no host waits for the others
        "HOME": str(tmp_path),
    }
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    before, title, table = finished.stdout.partition("\nCN=Lab root (")
    assert title, before
    lines = table.splitlines()
    assert lines[2].split() == ["HOST", "STORE", "STATE", "READ", "BY", "WHAT", "TO", "DO"]
    assert any(line.split()[:2] == ["gone", "unreachable"] for line in lines)
    assert any(line.split()[:3] == ["here", "debian", "absent"] for line in lines), finished.stdout
