# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module as Ansible runs it: a process that takes JSON and prints JSON, on each Python that hosts may have.

Most of these processes are forked from one that has imported the module.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.tests.unit.imported_modules import ImportedModule, Printed
from ansible_collections.anchorage.pki.tests.unit.leaves import Leaf, bundle, delivery, make_leaf, tree

ROOT = Path(__file__).resolve().parents[4]
MODULE = "ansible_collections.anchorage.pki.plugins.modules.leaf_deployment"


Run = Callable[[dict[str, Any]], Printed]


class Host:
    """Runs the module, and keeps all that it printed."""

    def __init__(self, run: Run, destination: Path) -> None:
        self.run, self.destination = run, destination
        self.printed = ""

    def call(self, **arguments: Any) -> dict[str, Any]:
        printed = self.run({"destination": str(self.destination), "server": "nginx", **arguments})
        self.printed += printed.output + printed.errors
        return json.loads(printed.output)  # type: ignore[no-any-return]

    def inspect(self, **arguments: Any) -> dict[str, Any]:
        return self.call(inspect=[{"name": "app"}], **arguments)

    def deploy(self, leaf: Leaf, expected: int = 0, **arguments: Any) -> dict[str, Any]:
        return self.call(deploy=[encode(delivery(leaf, expected))], **arguments)


@pytest.fixture
def host(python: str, imported: Callable[[str, str], ImportedModule], private_folder: Path) -> Host:
    """A host with each Python."""
    return host_with(python, imported, private_folder)


@pytest.fixture
def newer_host(imported: Callable[[str, str], ImportedModule], private_folder: Path) -> Host:
    """A host with the Python that runs the tests."""
    return host_with(sys.executable, imported, private_folder)


def host_with(python: str, imported: Callable[[str, str], ImportedModule], folder: Path) -> Host:
    variables = {"PATH": os.environ["PATH"]}
    return Host(lambda arguments: imported(python, MODULE).run(arguments, variables), folder / "pki")


def test_inspect_deploy_inspect(python: str, importable: dict[str, str], private_folder: Path) -> None:
    """In an interpreter that is started for the module."""

    def run(arguments: dict[str, Any]) -> Printed:
        result = subprocess.run(
            [python, "-m", MODULE],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            env={"PATH": os.environ["PATH"], **importable},
            capture_output=True,
            text=True,
            check=False,
        )
        return Printed(result.stdout, result.stderr)

    host = Host(run, private_folder / "pki")
    leaf = make_leaf()
    assert host.inspect()["certificates"][0]["generation"] == 0
    result = host.deploy(leaf, activate={"test": ["true"], "reload": ["true"]})
    assert result["changed"] is True
    assert result["certificates"] == [
        {"name": "app", "generation": 1, "leaf_sha256": leaf.sha256, "staple_sha256": leaf.staple_sha256}
    ]
    assert result["activation"] == {"tested": True, "reloaded": True, "probes": []}
    after = host.inspect()
    assert after["changed"] is False
    assert (after["certificates"][0]["leaf_sha256"], after["certificates"][0]["drift"]) == (leaf.sha256, [])


def test_remove_what_was_deployed(host: Host) -> None:
    host.deploy(make_leaf())
    remove = {"remove": ["app", "former"]}
    before = tree(host.destination.parent)
    planned = host.call(**remove, _ansible_check_mode=True)
    assert tree(host.destination.parent) == before
    results = [planned, host.call(**remove), host.call(**remove)]
    assert [result["changed"] for result in results] == [True, True, False]
    assert planned["certificates"] == results[1]["certificates"]
    assert planned["certificates"] == [{"name": "app", "removed": True}, {"name": "former", "removed": False}]
    assert not host.destination.exists()


def test_a_key_made_on_the_host(host: Host) -> None:
    before = tree(host.destination.parent)
    for check_mode in (True, False):
        inspection = host.call(inspect=[{"name": "app", "host_key": True}], _ansible_check_mode=check_mode)
        assert (inspection["changed"], inspection["certificates"][0]["generation"]) == (False, 0)
    entry = {"name": "app", "key_type": "ecdsa-p256"}
    assert "request, deploy: not available in check mode" in host.call(request=[entry], _ansible_check_mode=True)["msg"]
    assert tree(host.destination.parent) == before
    results = [host.call(request=[entry]) for dummy in range(2)]
    assert [result["changed"] for result in results] == [True, False]
    first, second = (result["certificates"][0]["csr"] for result in results)
    assert first.startswith("-----BEGIN CERTIFICATE REQUEST-----")
    assert len(first) == pytest.approx(len(second), abs=8)


def test_no_private_key_is_ever_printed(host: Host) -> None:
    """Neither on success nor on any failure, however much is asked for."""
    leaf = make_leaf()
    verbose = {"_ansible_verbosity": 4, "_ansible_debug": True, "_ansible_diff": True}
    secret = encode(replace(delivery(leaf), pkcs12_passphrase="correct horse battery"))
    failing = {"test": ["sh", "-c", "exit 1"]}
    host.call(deploy=[secret], activate=failing, **verbose)
    host.call(deploy=[{**secret, "expected_generation": 5}], **verbose)
    host.call(deploy=[{**secret, "certificate": make_leaf().certificate}], **verbose)
    host.call(deploy=[{**secret, "action": "nonsense"}], **verbose)
    host.call(deploy=[secret], **verbose)
    host.inspect(**verbose)
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
        "destination": str(private_folder),
        "deploy": [encode(delivery(make_leaf()))],
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
        ({"mode": "0644"}, "mode: 0644 would let every user read the private key"),
        ({"mode": "rw"}, "mode: rw is not a mode"),
        ({"mode": 640}, "mode: 640 is not the mode of a file. Write it in quotes"),
        ({"destination": "relative/folder"}, "destination: relative/folder must be an absolute path"),
        ({"destination": "/etc/$HOST"}, "holds a character that has a meaning in a server's configuration"),
        ({"_ansible_check_mode": True}, "deploy: not available in check mode, in which nothing is signed."),
        ({"deploy": [{"name": "app"}]}, "missing required arguments: action found in deploy"),
        ({"deploy": [{"name": "app", "action": "leaf", "staple": "%"}]}, "deploy: staple is not base64"),
        ({"inspect": []}, "parameters are mutually exclusive: inspect|request|deploy|remove"),
        ({"activate": {"reload": ["no-such-program"]}}, "activate.reload: there is no program no-such-program"),
    ],
)
def test_errors_name_the_option(
    newer_host: Host, private_folder: Path, arguments: dict[str, Any], message: str
) -> None:
    result = newer_host.call(**{"deploy": [encode(delivery(make_leaf()))], **arguments})
    assert result["failed"]
    assert message in result["msg"]
    assert tree(private_folder) == {}


def test_a_final_slash_and_a_home_are_understood(newer_host: Host, private_folder: Path) -> None:
    newer_host.deploy(make_leaf(), destination=f"{private_folder}/pki/")
    assert newer_host.inspect()["certificates"][0]["generation"] == 1


def test_what_an_action_does_not_say_has_a_default(newer_host: Host, private_folder: Path) -> None:
    assert newer_host.deploy(make_leaf(), activate={}, owner=None, group=None)["changed"]
    assert newer_host.deploy(make_leaf(), 1, activate={"probes": [{"certificate": "other"}]})["changed"]
    assert newer_host.deploy(make_leaf(), 2, activate=None)["changed"]
    assert newer_host.deploy(make_leaf(), 3, activate=encode(Activation()))["changed"]


def test_messages_as_large_as_can_be_arrive(newer_host: Host, private_folder: Path) -> None:
    """A leaf of many names under several issuers, and a bundle of all that."""
    leaf = make_leaf("app.test", names=[f"host-{number}.{'long' * 12}.test" for number in range(1000)])
    chain = leaf.chain * 100
    pfx = bundle(leaf)
    assert min(map(len, (leaf.certificate, chain, pfx))) > 64 * 1024 / 2
    wanted = replace(delivery(leaf), chain=chain, pkcs12=pfx)
    assert newer_host.call(deploy=[encode(wanted)])["changed"]
    assert (private_folder / "pki/app/v1/chain.pem").read_text() == chain
    assert (private_folder / "pki/app/v1/bundle.p12").read_bytes() == pfx
    assert newer_host.inspect()["certificates"][0]["damage"] == ""


def test_file_names_of_undecodable_bytes_are_reported(newer_host: Host, private_folder: Path) -> None:
    newer_host.deploy(make_leaf())
    Path(os.fsdecode(os.fsencode(private_folder / "pki/app") + b"/caf\xe9")).touch()
    result = newer_host.call(remove=["app"])
    assert result["changed"]
    assert "/pki/app was kept, since others created files in it: caf\\\\udce9." in json.dumps(result["notices"])


def test_nothing_that_is_removed_is_activated(newer_host: Host, private_folder: Path) -> None:
    assert newer_host.call(remove=["app"], activate={})["msg"] == "parameters are mutually exclusive: remove|activate"
    assert "one of the following is required: inspect, request, deploy, remove" in newer_host.call()["msg"]


def test_owner_group_and_mode(newer_host: Host, private_folder: Path) -> None:
    uid, gid = os.geteuid(), os.getegid()
    newer_host.deploy(make_leaf(), owner=str(uid), group=str(gid), mode="u=rw,g=r")
    status = (private_folder / "pki/app/v1/privkey.pem").stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (uid, gid, 0o640)
    assert newer_host.inspect(owner=str(uid), group=str(gid), mode="0640")["certificates"][0]["drift"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_are_given_to_the_owner_and_the_folders_are_not(newer_host: Host, private_folder: Path) -> None:
    newer_host.deploy(make_leaf(), owner="nobody", group="65534")
    generation = private_folder / "pki/app/v1"
    assert {(path.stat().st_uid, path.stat().st_gid) for path in generation.iterdir()} == {(65534, 65534)}
    assert (generation.stat().st_uid, generation.parent.stat().st_uid) == (0, 0)
