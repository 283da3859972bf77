# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook trust_audit in a real run: hosts with different roots, hosts that are away, and the controller."""

from __future__ import annotations

import json
import re
import shlex
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import A, B, C
from ansible_collections.anchorage.pki.tests.unit.plays import Controller, Run

PLAYBOOK = "anchorage.pki.trust_audit"
README = Path(__file__).parents[2] / "README.md"
AWAY = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    """Controller and hosts trust the same two roots."""
    controller = Controller(tmp_path)
    controller.roots.write_bytes(A + B)
    return controller


def audit(controller: Controller, *arguments: str, hosts: int = 2, **environment: str) -> tuple[Run, dict[str, Any]]:
    file = controller.folder / "audit.json"
    run = controller.run(PLAYBOOK, f"--extra-vars=anchorage_audit_file={file}", *arguments, hosts=hosts, **environment)
    assert file.exists(), run.output + run.errors
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return run, json.loads(file.read_text())


def set_variables(controller: Controller, host: str, variables: dict[str, Any]) -> None:
    file = controller.folder / "host_vars" / f"{host}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(variables))


def with_roots(controller: Controller, host: str, pem: bytes) -> None:
    """Have a host trust these roots."""
    store = controller.folder / f"{host}.pem"
    store.write_bytes(pem)
    wrapper = controller.folder / f"python-{host}"
    wrapper.write_text(f'#!/bin/sh\nSSL_CERT_FILE={store} exec {sys.executable} "$@"\n')
    wrapper.chmod(0o755)
    set_variables(controller, host, {"ansible_connection": "local", "ansible_python_interpreter": str(wrapper)})


def inventory(controller: Controller, *hosts: str) -> str:
    """An inventory of hosts of these names that are this machine, as an argument that comes after the usual one."""
    file = controller.folder / "named.json"
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    file.write_text(json.dumps({"all": {"hosts": dict.fromkeys(hosts, variables)}}))
    return f"--inventory={file}"


def test_tells_the_differences_and_writes_them(controller: Controller) -> None:
    run, result = audit(controller)
    assert run.status == 0
    assert result["machines"] == {"host1": 2, "host2": 2, "the controller": 2}
    assert (result["not_read"], result["errors"]) == ([], {})
    assert result["mozilla"] > 80
    assert {one["subject"] for one in result["not_in_mozilla"]} == {"CN=Root 1", "CN=Root 2"}
    assert "Trusted, but not in Mozilla's set:" in run.output
    assert result["lines"][-1] in run.output.replace('\\"', '"')


def test_the_words_of_the_readme_write_into_the_folder_where_one_is(controller: Controller) -> None:
    (words,) = re.findall(r"^\$ ansible-playbook -i inventory.yml (.*trust_audit.*)$", README.read_text(), re.MULTILINE)
    run = controller.run(*shlex.split(words))
    assert run.status == 0, run.output + run.errors
    assert json.loads((controller.folder / "audit.json").read_text())["machines"] == {"host1": 2, "the controller": 2}


def test_a_host_with_another_root_stands_out(controller: Controller) -> None:
    with_roots(controller, "host2", A + B + C)
    dummy, result = audit(controller)
    assert [(one["subject"], one["machines"]) for one in result["unique"]] == [("CN=Root 3", ["host2"])]


def test_what_could_not_be_read_or_only_in_part_is_told(controller: Controller) -> None:
    with_roots(controller, "host1", A + B.replace(b"M", b"!", 1))
    with_roots(controller, "host2", b"")
    (controller.folder / "host2.pem").unlink()
    run, result = audit(controller)
    assert (result["machines"], result["not_read"]) == ({"host1": 1, "the controller": 2}, ["host2"])
    assert str(controller.folder / "host1.pem") in result["errors"]["host1"][0]
    assert str(controller.folder / "host2.pem") in result["errors"]["host2"][0]
    assert "host2" not in {name for kind in ("missing", "missing_from_mozilla") for name in names_of(result[kind])}
    assert run.status == 2  # for host2


def names_of(findings: list[dict[str, Any]]) -> set[str]:
    return {name for finding in findings for name in finding["machines"]}


def test_a_host_that_is_away_is_named_and_the_others_are_compared(controller: Controller) -> None:
    set_variables(controller, "host1", AWAY)
    run, result = audit(controller)
    assert run.status == 2
    assert (result["machines"], result["not_read"]) == ({"host2": 2, "the controller": 2}, ["host1"])
    assert "ssh" in result["errors"]["host1"][0]


def test_where_all_hosts_are_away_the_controller_is_compared_with_mozilla(controller: Controller) -> None:
    for host in ("host1", "host2"):
        set_variables(controller, host, AWAY)
    run, result = audit(controller)
    assert run.status == 2
    assert (result["machines"], result["not_read"]) == ({"the controller": 2}, ["host1", "host2"])
    assert names_of(result["not_in_mozilla"]) == {"the controller"}


def test_a_limit_is_one_for_the_comparison_too(controller: Controller) -> None:
    dummy, result = audit(controller, "--limit=host2")
    assert (result["machines"], result["not_read"]) == ({"host2": 2, "the controller": 2}, [])


def test_hosts_may_be_a_list(controller: Controller) -> None:
    dummy, result = audit(controller, '--extra-vars={"anchorage_hosts": ["host1", "host3"]}', hosts=3)
    assert result["machines"] == {"host1": 2, "host3": 2, "the controller": 2}


def test_a_strategy_that_does_not_wait_makes_no_comparison_early(controller: Controller) -> None:
    dummy, result = audit(controller, "--forks=1", hosts=3, ANSIBLE_STRATEGY="ansible.builtin.free")
    assert result["machines"] == {"host1": 2, "host2": 2, "host3": 2, "the controller": 2}


def test_localhost_in_the_inventory_is_the_controller_and_counted_once(controller: Controller) -> None:
    dummy, result = audit(controller, inventory(controller, "localhost"), hosts=1)
    assert result["machines"] == {"host1": 2, "localhost": 2}
    dummy, result = audit(controller, inventory(controller, "localhost"), "--limit=host1", hosts=1)
    assert result["machines"] == {"host1": 2, "the controller": 2}


def test_without_an_inventory_it_is_this_machine(controller: Controller) -> None:
    dummy, result = audit(controller, hosts=0)
    assert result["machines"] == {"localhost": 2}


def test_hosts_may_be_called_controller_and_mozilla(controller: Controller) -> None:
    with_roots(controller, "Mozilla", A + B + C)
    run, result = audit(controller, inventory(controller, "controller", "Mozilla"), hosts=0)
    assert run.status == 0
    assert result["machines"] == {"Mozilla": 3, "controller": 2, "the controller": 2}
    assert [(one["subject"], one["machines"]) for one in result["unique"]] == [("CN=Root 3", ["Mozilla"])]


def test_a_controller_whose_roots_cannot_be_read_is_told_and_the_hosts_are_compared(controller: Controller) -> None:
    for host in ("host1", "host2"):
        with_roots(controller, host, A)
    run, result = audit(controller, SSL_CERT_FILE=str(controller.folder / "missing.pem"))
    assert (result["machines"], result["not_read"]) == ({"host1": 1, "host2": 1}, ["the controller"])
    assert "missing.pem" in result["errors"]["the controller"][0]
    assert run.status == 0


def test_how_the_hosts_are_reached_is_not_how_the_controller_is(controller: Controller) -> None:
    """A localhost in the inventory, here outside of the limit, may have settings that do not work."""
    set_variables(controller, "localhost", {**AWAY, "ansible_become": True, "ansible_become_exe": "/missing"})
    run, result = audit(controller, inventory(controller, "localhost"), "--limit=host1", hosts=1)
    assert (run.status, result["machines"]) == (0, {"host1": 2, "the controller": 2})


def test_mozillas_set_may_be_away(controller: Controller) -> None:
    (controller.folder / "hook" / "certifi.py").write_text("raise ImportError")
    run, result = audit(controller)
    assert run.status == 0
    assert (result["mozilla"], result["missing_from_mozilla"]) == (None, [])
    assert "install the Python package certifi" in " ".join(run.errors.split())
