# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook trust_audit in a real run: two hosts with different roots, one that is away, and the controller."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import A, B, C
from ansible_collections.anchorage.pki.tests.unit.plays import Controller, Run

PLAYBOOK = "anchorage.pki.trust_audit"


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    """host1 trusts what the controller does and one root more."""
    controller = Controller(tmp_path)
    controller.roots.write_bytes(A + B)
    return controller


def audit(controller: Controller, *arguments: str, **environment: str) -> tuple[Run, dict[str, Any]]:
    file = controller.folder / "audit.json"
    run = controller.run(PLAYBOOK, f"--extra-vars=anchorage_audit_file={file}", *arguments, hosts=2, **environment)
    assert file.exists(), run.output + run.errors
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return run, json.loads(file.read_text())


def away(controller: Controller) -> str:
    """An option that lets host2 be unreachable."""
    variables = controller.folder / "host_vars" / "host2.json"
    variables.parent.mkdir()
    variables.write_text(json.dumps({"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}))
    return ""


def test_tells_the_differences_and_writes_them(controller: Controller) -> None:
    run, result = audit(controller)
    assert run.status == 0
    assert result["machines"] == {"host1": 2, "host2": 2, "controller": 2}
    assert result["mozilla"] > 80
    assert {one["subject"] for one in result["beyond_mozilla"]} == {"CN=Root 1", "CN=Root 2"}
    assert "Trusted, and not in Mozilla's set:" in run.output
    assert result["lines"][-1] in run.output.replace('\\"', '"')


def test_a_host_with_another_root_stands_out(controller: Controller) -> None:
    other = controller.folder / "other.pem"
    other.write_bytes(A + B + C)
    playbook = controller.folder / "audit.yml"
    playbook.write_text(f"- import_playbook: {PLAYBOOK}\n")
    variables = controller.folder / "host_vars" / "host2.json"
    variables.parent.mkdir()
    wrapper = controller.folder / "python"
    wrapper.write_text(f'#!/bin/sh\nSSL_CERT_FILE={other} exec python3 "$@"\n')
    wrapper.chmod(0o755)
    variables.write_text(json.dumps({"ansible_python_interpreter": str(wrapper)}))
    dummy, result = audit(controller)
    assert [(one["subject"], one["machines"]) for one in result["alone"]] == [("CN=Root 3", ["host2"])]


def test_a_host_that_is_away_is_named_and_the_others_are_compared(controller: Controller) -> None:
    away(controller)
    run, result = audit(controller)
    assert run.status == 4  # as Ansible ends whenever a host was unreachable
    assert (result["machines"], result["unread"]) == ({"host1": 2, "controller": 2}, ["host2"])


def test_mozillas_set_may_be_away(controller: Controller) -> None:
    (controller.folder / "hook" / "certifi.py").write_text("raise ImportError")
    run, result = audit(controller)
    assert run.status == 0
    assert (result["mozilla"], result["lacking_of_mozilla"]) == (None, [])
    assert "install the Python package certifi" in " ".join(run.errors.split())
