# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look without Ansible and the module give one answer, byte for byte, whatever has become of a leaf."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, Inquiry, Probe
from ansible_collections.anchorage.pki.plugins.module_utils._leaf_deployment.look import look
from ansible_collections.anchorage.pki.plugins.module_utils._programs.digests import digests
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.standing import MARGIN
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.plugins.module_utils._x509.staple import read_staple
from ansible_collections.anchorage.pki.tests.unit.imported_modules import ImportedModule
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    Leaf,
    bundle,
    delivery,
    destination_at,
    free_port,
    make_leaf,
    pem_of_key,
    rsa_key,
    sign,
    tree,
)
from ansible_collections.anchorage.pki.tests.unit.look_programs import compiled_lines, run_look
from ansible_collections.anchorage.pki.tests.unit.scratch_systemd import SystemdHost
from ansible_collections.anchorage.pki.tests.unit.selinux_labels import needs_labels, set_label
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

LOOK = "_leaf_deployment.look"
MODULE = "ansible_collections.anchorage.pki.plugins.modules.leaf_deployment"
RELOAD = Activation(reload=("true",))


def arguments(folder: Path, leaf: Leaf | None = None, **changes: Any) -> dict[str, Any]:
    """The module's arguments for a look at the leaf ``app``, which the controller would keep."""
    inquiry = Inquiry("app")
    if leaf:
        due = read_staple(leaf.staple).end - MARGIN
        chain = hashlib.sha256(leaf.chain.encode()).hexdigest()
        inquiry = Inquiry("app", keep=leaf.sha256, keep_chain=chain, withdraw_at=due)
    return {
        "inspect": [encode(inquiry)],
        "activate": encode(RELOAD),
        "destination": str(folder / "pki"),
        "owner": None,
        "group": None,
        "mode": "0600",
        "server": "nginx",
        "responder_port": 29477,
        "withdrawal": "off",
        "digests": digests(),
        **changes,
    }


@pytest.fixture
def module(imported: Callable[[str, str], ImportedModule]) -> ImportedModule:
    return imported(sys.executable, MODULE)


def answer_of_module(given: dict[str, Any], module: ImportedModule) -> dict[str, Any]:
    """What the module prints, without the arguments that Ansible adds."""
    printed = module.run(given, {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]})
    answer = json.loads(printed.output)
    answer.pop("invocation", None)
    return answer  # type: ignore[no-any-return]


def check_equal(given: dict[str, Any], module: ImportedModule) -> dict[str, Any]:
    """The one answer of both, which change nothing."""
    folder = Path(given["destination"]).parent
    before = tree(folder)
    seen, imported = run_look(LOOK, given)
    assert json.dumps(seen) == json.dumps(answer_of_module(given, module))
    assert [name for name in imported if name == "ansible" or name.startswith("ansible.")] == []
    assert tree(folder) == before
    return seen


@pytest.fixture
def leaf() -> Leaf:
    return make_leaf()


@pytest.fixture
def deployed(private_folder: Path, leaf: Leaf) -> Path:
    """The folder ``app`` with generation 1, activated."""
    deploy(destination_at(private_folder / "pki"), [delivery(leaf)], RELOAD)
    return private_folder / "pki" / "app"


def write_all(folder: Path, contents: dict[str, str]) -> None:
    for name, content in contents.items():
        (folder / name).write_text(content)


def put_foreign_key(folder: Path) -> None:
    """One that OpenSSL alone finds out: combined.pem has it, too."""
    key = make_leaf().private_key
    combined = (folder / "v1/fullchain.pem").read_text() + key
    write_all(folder / "v1", {"privkey.pem": key, "combined.pem": combined})


def replace_file(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


DAMAGE: dict[str, Callable[[Path], object]] = {
    **{
        f"{name} is missing": lambda app, name=name: (app / "v1" / name).unlink()
        for name in ("privkey.pem", "cert.pem", "chain.pem", "fullchain.pem", "combined.pem")
    },
    **{
        f"another {name}": lambda app, name=name: (app / "v1" / name).write_text(make_leaf().certificate)
        for name in ("privkey.pem", "cert.pem", "chain.pem", "fullchain.pem", "combined.pem")
    },
    "another key": put_foreign_key,
    "no certificate": lambda app: (app / "v1/cert.pem").write_text("nonsense"),
    "too large": lambda app: (app / "v1/cert.pem").write_bytes(bytes(2_000_000)),
    "a pipe": lambda app: replace_file(app / "v1/cert.pem", os.mkfifo),
    "a link": lambda app: replace_file(app / "v1/cert.pem", lambda path: path.symlink_to("fullchain.pem")),
    "a staple that was cut off": lambda app: os.truncate(app / "v1/staple.der", 100),
    "another staple": lambda app: replace_file(
        app / "v1/combined.pem.ocsp", lambda path: path.write_bytes(make_leaf().staple)
    ),
    "the generation is missing": lambda app: (app / "v1").rename(app / "elsewhere"),
}
DRIFT: dict[str, Callable[[Path], object]] = {
    "a copy of the staple": lambda app: replace_file(
        app / "v1/combined.pem.ocsp", lambda path: path.write_bytes((app / "v1/staple.der").read_bytes())
    ),
    "no staple": lambda app: [(app / "v1" / name).unlink() for name in ("staple.der", "combined.pem.ocsp")],
    "no link": lambda app: (app / "current").unlink(),
    "no pointer": lambda app: (app / "nginx.conf").unlink(),
    "another pointer": lambda app: (app / "haproxy.crt-list").write_text(
        "# Written by Ansible (anchorage.pki.leaf_certificate).\n"
    ),
    "modes": lambda app: [path.chmod(0o640) for path in (app / "v1").iterdir()],
    "an activation that was killed": lambda app: (app.parent / ".activation-app.json").write_text(
        json.dumps([{"name": "app", "former": 1, "generation": 2, "before": {"current": "v1", "files": {}}}])
    ),
    "a withdrawal that was killed": lambda app: (app / ".withdrawn").write_text(
        json.dumps({"generation": 1, "time": "2026-06-08T11:50:00Z", "settled": False})
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_the_same_to_both(deployed: Path, leaf: Leaf, module: ImportedModule, damage: str) -> None:
    DAMAGE[damage](deployed)
    seen = check_equal(arguments(deployed.parents[1], leaf), module)["certificates"][0]
    assert (seen["damage"] != "") == (damage != "the generation is missing")


@pytest.mark.parametrize("drift", DRIFT)
def test_drift_is_the_same_to_both(deployed: Path, leaf: Leaf, module: ImportedModule, drift: str) -> None:
    DRIFT[drift](deployed)
    seen = check_equal(arguments(deployed.parents[1], leaf), module)["certificates"][0]
    assert seen["drift"] != []


@needs_labels
def test_another_selinux_type_is_the_same_to_both(deployed: Path, leaf: Leaf, module: ImportedModule) -> None:
    set_label(deployed, "system_u:object_r:cert_t:s0")
    set_label(deployed / "v1/privkey.pem", "unconfined_u:object_r:user_tmp_t:s0")
    [drift] = check_equal(arguments(deployed.parents[1], leaf), module)["certificates"][0]["drift"]
    assert "has the SELinux type user_tmp_t, where a new file gets cert_t" in drift


def test_what_is_as_it_should_be_is_so_to_both(deployed: Path, leaf: Leaf, module: ImportedModule) -> None:
    seen = check_equal(arguments(deployed.parents[1], leaf), module)
    assert seen["changed"] is False
    assert seen["certificates"] == [
        {
            "name": "app",
            "generation": 1,
            "leaf_sha256": leaf.sha256,
            "chain_sha256": hashlib.sha256(leaf.chain.encode()).hexdigest(),
            "staple_sha256": leaf.staple_sha256,
            "pkcs12": False,
            "damage": "",
            "drift": [],
            "unserved": [],
            "withdrawn": "",
        }
    ]


def test_what_is_not_served_is_so_to_both(deployed: Path, leaf: Leaf, module: ImportedModule) -> None:
    never = arguments(deployed.parents[1], leaf, activate=encode(Activation(reload=("another",))))
    reason = "generation 1 was not activated by this task's command"
    assert check_equal(never, module)["certificates"][0]["unserved"] == [reason]
    probed = encode(replace(RELOAD, probes=(Probe("app", port=free_port(), server_name="app.test"),)))
    seen = check_equal(arguments(deployed.parents[1], leaf, activate=probed), module)["certificates"][0]
    assert "does not serve the deployed leaf: no TLS handshake" in seen["unserved"][0]


def test_keys_and_bundles_of_all_kinds_are_the_same_to_both(private_folder: Path, module: ImportedModule) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    certificate = sign(key.public_key(), "app.test").public_bytes(Encoding.PEM).decode()
    edwards = replace(make_leaf(), certificate=certificate, private_key=pem_of_key(key))
    for generation, leaf in enumerate([make_leaf(key=rsa_key()), edwards]):
        wanted = replace(delivery(leaf, generation), pkcs12=bundle(leaf))
        deploy(destination_at(private_folder / "pki"), [wanted], RELOAD)
        seen = check_equal(arguments(private_folder, leaf), module)["certificates"][0]
        assert (seen["damage"], seen["pkcs12"], seen["leaf_sha256"]) == ("", True, leaf.sha256)


def test_where_nothing_is_there_is_nothing_to_both(private_folder: Path, module: ImportedModule) -> None:
    seen = check_equal(arguments(private_folder, activate=None, server="none"), module)
    assert (seen["certificates"][0]["generation"], seen["others"]) == (0, [])


FAILURES: dict[str, tuple[dict[str, Any], str]] = {
    "owner": ({"owner": "no-such-user"}, "owner: there is no user 'no-such-user' on this host"),
    "group": ({"group": "no-such-group"}, "group: there is no group 'no-such-group' on this host"),
    "mode": ({"mode": "0644"}, "mode: 0644 would let every user read the private key"),
    "number": ({"mode": 640}, "mode: 640 is not the mode of a file"),
    "path": ({"destination": "relative/folder"}, "destination: relative/folder must be an absolute path"),
    "character": ({"destination": '/etc/a"b'}, "holds a character that has a meaning in a server's configuration"),
    "others may write": ({"destination": "/tmp/pki"}, "Other users than root may write in /tmp"),
    "name": ({"inspect": [encode(Inquiry("../app"))]}, "name: '../app' cannot name a folder"),
    "twice": ({"inspect": [encode(Inquiry("app"))] * 2}, "name: 'app' is given twice"),
    "digest": ({"inspect": [{**encode(Inquiry("app")), "keep": "x"}]}, "inspect: keep is not a SHA-256"),
    "undecodable": ({"destination": "/etc/\udcff"}, ""),
    "responder": (
        {"server": "apache", "inspect": [encode(Inquiry("app", staple=True))], "responder_port": 0},
        "responder",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_the_same_to_both(private_folder: Path, module: ImportedModule, failure: str) -> None:
    changes, message = FAILURES[failure]
    if failure == "others may write" and os.geteuid() != 0:
        pytest.skip("only root refuses such folders")
    given = arguments(private_folder, **changes)
    seen, _imported = run_look(LOOK, given)
    assert json.dumps(seen) == json.dumps(answer_of_module(given, module))
    assert message in seen.get("msg", "")
    assert seen.get("failed", False) == bool(message)


def test_a_damaged_journal_fails_the_same_way(deployed: Path, leaf: Leaf, module: ImportedModule) -> None:
    (deployed.parent / ".activation-app.json").write_text('[{"name": 1}]')
    seen = check_equal(arguments(deployed.parents[1], leaf), module)
    assert "in the destination is damaged" in seen["msg"]
    assert seen["failed"] is True


def test_a_home_and_a_final_slash_are_the_same_to_both(module: ImportedModule, private_folder: Path) -> None:
    for destination in ("~/no/such/folder/", "$HOME/no/such/folder", f"{private_folder}/pki/"):
        check_equal(arguments(private_folder, destination=destination), module)


# With units of systemd, which are in scratch folders: there is no module for those.


@pytest.fixture
def host(private_folder: Path, leaf: Leaf) -> SystemdHost:
    if os.geteuid() != 0:
        pytest.skip("withdrawal is for root alone")
    host = SystemdHost(private_folder, activation=RELOAD)
    assert host.deploy(delivery(leaf)).withdrawal == "installed"
    return host


UNITS = {
    "nothing": (lambda _root: None, []),
    "the program": (
        lambda root: (root / "lib/anchorage/staples.pyz").write_bytes(b"changed"),
        ["the withdrawal of its staple is not set up"],
    ),
    "the service": (
        lambda root: (root / "units/anchorage-withdraw.service").unlink(),
        ["the withdrawal of its staple is not set up"],
    ),
    "the timer": (
        lambda root: (root / "units/anchorage-withdraw.timer").unlink(),
        ["the withdrawal of its staple is not set up"],
    ),
}


@pytest.mark.parametrize("damage", UNITS)
def test_the_withdrawal_of_staples_is_seen_as_by_the_modules_code(host: SystemdHost, leaf: Leaf, damage: str) -> None:
    harm, drift = UNITS[damage]
    harm(host.root)
    given, layout = arguments(host.root, leaf, withdrawal="auto", digests=host.layout.digests), vars(host.layout)
    seen, _imported = run_look(LOOK, given, layout)
    assert json.dumps(seen) == json.dumps(look(given, host.layout))
    assert (seen["certificates"][0]["drift"], seen["withdrawal"]) == (drift, "installed")


#: What takes long to import. A look at an undamaged leaf needs none of it.
SLOW = {"base64", "calendar", "concurrent", "dataclasses", "inspect", "socket", "ssl", "subprocess", "tempfile"}
SLOW |= {"threading", "typing", "zipfile", "shutil"}


def test_a_look_at_an_unchanged_host_imports_little(host: SystemdHost, leaf: Leaf) -> None:
    given = arguments(host.root, leaf, withdrawal="auto", digests=host.layout.digests)
    seen, imported = run_look(LOOK, given, vars(host.layout))
    assert seen["certificates"][0]["drift"] == []
    own = {name.partition(".plugins.module_utils.")[2] for name in imported}
    assert {name for name in own if name.endswith(("_changes", "setup", "probing", "host_keys", "responder"))} == set()
    assert SLOW.difference({"base64"}).intersection(imported) == set()
    assert compiled_lines(imported) <= 1500
