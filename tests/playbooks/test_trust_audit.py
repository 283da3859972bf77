# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook trust_audit in real runs: hosts with different roots, hosts that are down, and the controller.

A run takes seconds, so each shows as much as fits into it.
"""

from __future__ import annotations

import json
import re
import shlex
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller, Run
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import NO_AUTHORITY, A, B, C
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of

PLAYBOOK = "anchorage.pki.trust_audit"
README = Path(__file__).parents[2] / "README.md"
DOWN = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    """Controller and hosts trust the same two roots."""
    controller = Controller(tmp_path)
    controller.roots.write_bytes(A + B)
    return controller


@pytest.fixture
def small_mozilla(controller: Controller) -> None:
    """A package certifi with a single root, which takes less time than the real one."""
    package = controller.packages / "certifi"
    package.mkdir()
    (package / "cacert.pem").write_bytes(pem_of(make_root("Public")))
    (package / "__init__.py").write_text("def where(): return __file__.replace('__init__.py', 'cacert.pem')\n")


def audit(controller: Controller, *arguments: str, hosts: int = 2, **environment: str) -> tuple[Run, dict[str, Any]]:
    """Run the playbook with these arguments: the run, and the result that it shows. To write that takes a second."""
    run = controller.run(PLAYBOOK, "-v", *arguments, hosts=hosts, **environment)
    before, name, shown = run.output.partition('"anchorage_audit": ')
    assert name, before + run.errors
    return run, json.JSONDecoder().raw_decode(shown)[0]


def written(controller: Controller) -> dict[str, Any]:
    """The result that a run wrote into the folder."""
    file = controller.folder / "audit.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return json.loads(file.read_text())  # type: ignore[no-any-return]


def set_variables(controller: Controller, host: str, variables: dict[str, Any]) -> None:
    file = controller.folder / "host_vars" / f"{host}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(variables))


def with_roots(controller: Controller, host: str, pem: bytes) -> Path:
    """Have a host trust these roots; the file that they are in."""
    store = controller.folder / f"{host}.pem"
    store.write_bytes(pem)
    wrapper = controller.folder / f"python-{host}"
    wrapper.write_text(f'#!/bin/sh\nSSL_CERT_FILE={store} exec {sys.executable} "$@"\n')
    wrapper.chmod(0o755)
    set_variables(controller, host, {"ansible_connection": "local", "ansible_python_interpreter": str(wrapper)})
    return store


def inventory(controller: Controller, *hosts: str) -> str:
    """An inventory of hosts of these names that are this machine, as an argument that comes after the usual one."""
    file = controller.folder / "named.json"
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    file.write_text(json.dumps({"all": {"hosts": dict.fromkeys(hosts, variables)}}))
    return f"--inventory={file}"


def names_of(findings: list[dict[str, Any]]) -> set[str]:
    return {name for finding in findings for name in finding["machines"]}


def test_the_command_of_the_readme_shows_the_differences_and_writes_them(controller: Controller) -> None:
    """Into the current folder, and with Mozilla's real set."""
    (words,) = re.findall(r"^\$ ansible-playbook -i inventory.yml (.*trust_audit.*)$", README.read_text(), re.MULTILINE)
    run = controller.run(*shlex.split(words), hosts=2)
    assert run.status == 0, run.output + run.errors
    result = written(controller)
    assert result["machines"] == {"host1": 2, "host2": 2, "the controller": 2}
    assert (result["not_read"], result["errors"]) == ([], {})
    assert result["mozilla"] > 80
    assert {one["subject"] for one in result["not_in_mozilla"]} == {"CN=Root 1", "CN=Root 2"}
    assert "Trusted, but not in Mozilla's set:" in run.output
    assert result["lines"][-1] in run.output.replace('\\"', '"')


@pytest.mark.usefixtures("small_mozilla")
def test_a_host_with_another_root_stands_out(controller: Controller) -> None:
    """Of hosts given as a list, some with names of others, one at a time, by a strategy that does not wait for all."""
    with_roots(controller, "host2", A + B + C)
    with_roots(controller, "Mozilla", A + B + pem_of(NO_AUTHORITY))
    run, result = audit(
        controller,
        '--extra-vars={"anchorage_hosts": ["host1", "host2", "controller", "Mozilla"]}',
        inventory(controller, "controller", "Mozilla"),
        "--forks=1",
        hosts=3,
        ANSIBLE_STRATEGY="ansible.builtin.free",
    )
    assert run.status == 0
    assert result["machines"] == {"host1": 2, "host2": 3, "controller": 2, "Mozilla": 3, "the controller": 2}
    assert [(one["subject"], one["machines"]) for one in result["unique"]] == [
        ("CN=No authority", ["Mozilla"]),
        ("CN=Root 3", ["host2"]),
    ]


@pytest.mark.usefixtures("small_mozilla")
def test_what_could_not_be_read_is_reported_and_the_others_are_compared(controller: Controller) -> None:
    damaged = with_roots(controller, "host1", A + B.replace(b"M", b"!", 1))
    missing = with_roots(controller, "host2", b"")
    missing.unlink()
    set_variables(controller, "host3", DOWN)
    run, result = audit(controller, hosts=4)
    assert run.status == 2
    assert (result["machines"], result["not_read"]) == (
        {"host1": 1, "host4": 2, "the controller": 2},
        ["host2", "host3"],
    )
    assert str(damaged) in result["errors"]["host1"][0]
    assert str(missing) in result["errors"]["host2"][0]
    assert "ssh" in result["errors"]["host3"][0]
    named = {name for kind in ("missing", "missing_from_mozilla") for name in names_of(result[kind])}
    assert named.isdisjoint({"host2", "host3"})


@pytest.mark.usefixtures("small_mozilla")
def test_where_all_hosts_are_down_the_controller_is_compared_with_mozilla(controller: Controller) -> None:
    for host in ("host1", "host2"):
        set_variables(controller, host, DOWN)
    run, result = audit(controller)
    assert run.status == 2
    assert (result["machines"], result["not_read"]) == ({"the controller": 2}, ["host1", "host2"])
    assert names_of(result["not_in_mozilla"]) == {"the controller"}


@pytest.mark.usefixtures("small_mozilla")
def test_a_limit_limits_the_comparison_too(controller: Controller) -> None:
    """A localhost in the inventory, outside of the limit, is not the controller: its settings need not even work."""
    set_variables(controller, "localhost", {**DOWN, "ansible_become": True, "ansible_become_exe": "/missing"})
    file = f"--extra-vars=anchorage_audit_file={controller.folder / 'audit.json'}"
    run, result = audit(controller, file, inventory(controller, "localhost"), "--limit=host2")
    assert run.status == 0
    assert written(controller) == result
    assert (result["machines"], result["not_read"]) == ({"host2": 2, "the controller": 2}, [])


@pytest.mark.usefixtures("small_mozilla")
def test_localhost_in_the_inventory_is_the_controller_and_counted_once(controller: Controller) -> None:
    dummy, result = audit(controller, inventory(controller, "localhost"), hosts=1)
    assert result["machines"] == {"host1": 2, "localhost": 2}


@pytest.mark.usefixtures("small_mozilla")
def test_without_an_inventory_it_is_this_machine(controller: Controller) -> None:
    dummy, result = audit(controller, hosts=0)
    assert result["machines"] == {"localhost": 2}


def test_hosts_are_compared_without_the_controllers_roots_and_without_mozillas(controller: Controller) -> None:
    for host in ("host1", "host2"):
        with_roots(controller, host, A)
    (controller.packages / "certifi.py").write_text("raise ImportError")
    missing = controller.folder / "missing.pem"
    run, result = audit(controller, SSL_CERT_FILE=str(missing))
    assert run.status == 0
    assert (result["machines"], result["not_read"]) == ({"host1": 1, "host2": 1}, ["the controller"])
    assert "missing.pem" in result["errors"]["the controller"][0]
    assert (result["mozilla"], result["missing_from_mozilla"]) == (None, [])
    assert "install the Python package certifi" in " ".join(run.errors.split())
