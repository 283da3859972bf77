# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it: a process that takes JSON and prints JSON, on each Python that hosts may have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.tests.unit.leaves import Leaf, make_leaf, request, tree

ROOT = Path(__file__).resolve().parents[4]
MODULE = "ansible_collections.anchorage.pki.plugins.modules.leaf_deployment"


class Host:
    """Runs the module, and keeps all that it printed."""

    def __init__(self, python: str, packages: Path, destination: Path) -> None:
        self.python, self.packages, self.destination = python, packages, destination
        self.printed = ""

    def call(self, **arguments: Any) -> dict[str, Any]:
        arguments = {"destination": str(self.destination), "server": "nginx", **arguments}
        result = subprocess.run(
            [self.python, "-m", MODULE],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(self.packages), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        self.printed += result.stdout + result.stderr
        return json.loads(result.stdout)  # type: ignore[no-any-return]

    def report(self, **arguments: Any) -> dict[str, Any]:
        return self.call(operation="report", certificates=[{"name": "app"}], **arguments)

    def deploy(self, leaf: Leaf, expected: int = 0, **arguments: Any) -> dict[str, Any]:
        return self.call(operation="deploy", certificates=[asdict(request(leaf, expected))], **arguments)


@pytest.fixture
def host(python: str, importable: Path, private_folder: Path) -> Host:
    return Host(python, importable, private_folder / "pki")


def test_report_deploy_report(host: Host) -> None:
    leaf = make_leaf()
    assert host.report()["certificates"][0]["generation"] == 0
    result = host.deploy(leaf, activate={"test": ["true"], "reload": ["true"]})
    assert result["changed"] is True
    assert result["certificates"] == [
        {"name": "app", "generation": 1, "leaf_sha256": leaf.sha256, "staple_sha256": leaf.staple_sha256}
    ]
    assert result["activation"] == {"tested": True, "reloaded": True, "probes": []}
    after = host.report()
    assert after["changed"] is False
    assert (after["certificates"][0]["leaf_sha256"], after["certificates"][0]["drift"]) == (leaf.sha256, [])


def test_remove_what_was_deployed(host: Host) -> None:
    host.deploy(make_leaf())
    remove = {"operation": "remove", "certificates": [{"name": "app"}, {"name": "former"}]}
    whole = tree(host.destination.parent)
    planned = host.call(**remove, _ansible_check_mode=True)
    assert tree(host.destination.parent) == whole
    results = [planned, host.call(**remove), host.call(**remove)]
    assert [result["changed"] for result in results] == [True, True, False]
    assert planned["certificates"] == results[1]["certificates"]
    assert planned["certificates"] == [{"name": "app", "removed": True}, {"name": "former", "removed": False}]
    assert not host.destination.exists()


def test_a_key_made_on_the_host(host: Host) -> None:
    entry = {"name": "app", "host_key": True, "key_type": "ecdsa-p256", "keep": ""}
    assert host.call(operation="report", certificates=[entry], _ansible_check_mode=True)["certificates"][0]["csr"] == ""
    reports = [host.call(operation="report", certificates=[entry]) for dummy in range(2)]
    first, second = (report["certificates"][0]["csr"] for report in reports)
    assert first.startswith("-----BEGIN CERTIFICATE REQUEST-----")
    assert len(first) == pytest.approx(len(second), abs=8)


def test_no_private_key_is_ever_printed(host: Host) -> None:
    """Neither on success nor on any failure, however much is asked for."""
    leaf = make_leaf()
    told = {"_ansible_verbosity": 4, "_ansible_debug": True, "_ansible_diff": True}
    secret = {**asdict(request(leaf)), "pkcs12_passphrase": "correct horse battery"}
    failing = {"test": ["sh", "-c", "exit 1"]}
    host.call(operation="deploy", certificates=[secret], activate=failing, **told)
    host.call(operation="deploy", certificates=[{**secret, "expected_generation": 5}], **told)
    host.call(operation="deploy", certificates=[{**secret, "certificate": make_leaf().certificate}], **told)
    host.call(operation="deploy", certificates=[{**secret, "action": "nonsense"}], **told)
    host.call(operation="deploy", certificates=[secret], **told)
    host.report(**told)
    lines = leaf.private_key.splitlines()[1:-1]
    assert len(lines) == 3
    assert [line for line in [*lines, "correct horse battery", "BEGIN PRIVATE"] if line in host.printed] == []
    assert '"generation": 1' in host.printed


def test_the_arguments_are_kept_from_the_systems_log(
    monkeypatch: pytest.MonkeyPatch, private_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ansible-core logs what a module was called with; a key in a list of options is not recognized there."""
    from ansible.module_utils import basic
    from ansible.module_utils.testing import patch_module_args
    from ansible_collections.anchorage.pki.plugins.modules import leaf_deployment

    logged: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda _self, message, **_: logged.append(str(message)))
    monkeypatch.setattr(basic.AnsibleModule, "_log_to_syslog", lambda _self, message: logged.append(str(message)))
    arguments = {
        "operation": "deploy",
        "destination": str(private_folder),
        "certificates": [asdict(request(make_leaf()))],
        "_ansible_no_log": False,  # what ansible-core says of a task without no_log, over what the module says itself
    }
    with patch_module_args(arguments), pytest.raises(SystemExit):
        leaf_deployment.main()
    assert '"changed": true' in capsys.readouterr().out
    assert logged == ["Invoked"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"owner": "no-such-user"}, "owner: there is no user 'no-such-user' on this host"),
        ({"group": "no-such-group"}, "group: there is no group 'no-such-group' on this host"),
        ({"mode": "0644"}, "mode: 0644 would let every user of the host at the private key"),
        ({"mode": "rw"}, "mode: rw is not a mode"),
        ({"mode": 640}, "mode: 640 is not the mode of a file. Write it in quotes"),
        ({"destination": "relative/folder"}, "destination: relative/folder must be an absolute path"),
        ({"destination": "/etc/$HOST"}, "holds a character that has a meaning in a server's configuration"),
        ({"_ansible_check_mode": True}, "operation: deploy is not for check mode"),
        ({"certificates": [{"name": "app"}]}, "certificates: to deploy, each entry needs an action"),
        ({"activate": {"reload": ["no-such-program"]}}, "activate.reload: there is no program no-such-program"),
    ],
)
def test_errors_name_the_option(
    importable: Path, private_folder: Path, arguments: dict[str, Any], message: str
) -> None:
    host = Host(sys.executable, importable, private_folder / "pki")
    whole = {"certificates": [asdict(request(make_leaf()))], **arguments}
    result = host.call(operation="deploy", **whole)
    assert result["failed"]
    assert message in result["msg"]
    assert tree(private_folder) == {}


def test_a_final_slash_and_a_home_are_understood(importable: Path, private_folder: Path) -> None:
    host = Host(sys.executable, importable, private_folder / "pki")
    host.deploy(make_leaf(), destination=f"{private_folder}/pki/")
    assert host.report()["certificates"][0]["generation"] == 1


def test_what_an_action_leaves_out_may_be_null(importable: Path, private_folder: Path) -> None:
    host = Host(sys.executable, importable, private_folder / "pki")
    nothing = {"test": None, "reload": None, "probes": None}
    assert host.deploy(make_leaf(), activate=nothing, owner=None, group=None)["changed"]
    unnamed = {"certificate": "other", "server_name": None}
    assert host.deploy(make_leaf(), 1, activate={**nothing, "probes": [unnamed]})["changed"]
    assert host.deploy(make_leaf(), 2, activate=None)["changed"]


def test_owner_group_and_mode(importable: Path, private_folder: Path) -> None:
    host = Host(sys.executable, importable, private_folder / "pki")
    uid, gid = os.geteuid(), os.getegid()
    host.deploy(make_leaf(), owner=str(uid), group=str(gid), mode="u=rw,g=r")
    status = (private_folder / "pki/app/v1/privkey.pem").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (uid, gid, 0o640)
    assert host.report(owner=str(uid), group=str(gid), mode="0640")["certificates"][0]["drift"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_are_given_to_the_owner_and_the_folders_are_not(importable: Path, private_folder: Path) -> None:
    host = Host(sys.executable, importable, private_folder / "pki")
    host.deploy(make_leaf(), owner="nobody", group="65534")
    generation = private_folder / "pki/app/v1"
    assert {(path.stat().st_uid, path.stat().st_gid) for path in generation.iterdir()} == {(65534, 65534)}
    assert (generation.stat().st_uid, generation.parent.stat().st_uid) == (0, 0)
