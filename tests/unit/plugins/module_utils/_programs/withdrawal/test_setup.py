# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Setting the withdrawal of staples up on a host, noticing what is wrong with it, and removing it again."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.inspection import inspect_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, Inquiry
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import STAPLE_ONLY, Delivery
from ansible_collections.anchorage.pki.plugins.module_utils._programs.bundle import bundle
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.drift import with_drift
from ansible_collections.anchorage.pki.plugins.module_utils._x509.staple import read_staple
from ansible_collections.anchorage.pki.tests.unit.interruptions import killed_at
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    Leaf,
    delivery,
    issuer,
    make_leaf,
    make_staple,
    pem_of_key,
    repair,
    tree,
)
from ansible_collections.anchorage.pki.tests.unit.scratch_systemd import SystemdHost, linked, restore
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

MISSING = ("the withdrawal of its staple is not set up",)
LEFT_OVER = ("the withdrawal of its staple is set up, and no longer wanted",)
TIMER, SERVICE = "units/anchorage-withdraw.timer", "units/anchorage-withdraw.service"
PROGRAM, ENABLED = "lib/anchorage/staples.pyz", "units/timers.target.wants/anchorage-withdraw.timer"
RELOAD = Activation(test=("true",), reload=("true",))


@pytest.fixture
def leaf() -> Leaf:
    return make_leaf()


@pytest.fixture
def deployed(host: SystemdHost, leaf: Leaf) -> SystemdHost:
    host.activation = RELOAD
    assert host.deploy(delivery(leaf)).withdrawal == "installed"
    host.calls()
    return host


def recipe_of(host: SystemdHost) -> Path:
    (recipe,) = (host.root / "etc/anchorage/withdraw.d").iterdir()
    return recipe


def test_all_that_is_needed_is_there_and_nothing_else(deployed: SystemdHost, leaf: Leaf) -> None:
    recipe = recipe_of(deployed)
    assert stat.S_IMODE(recipe.stat().st_mode) == 0o600
    assert json.loads(recipe.read_text()) == {
        "destination": str(deployed.root / "pki"),
        "name": "app",
        "server": "nginx",
        "commands": [[["/usr/bin/true"], ["/usr/bin/true"]]],
    }
    assert (deployed.root / PROGRAM).read_bytes() == bundle()
    assert f"ExecStart={deployed.root / PROGRAM} withdraw" in (deployed.root / SERVICE).read_text()
    assert deployed.armed == read_staple(leaf.staple).end - 300
    assert [path for path in deployed.traces() if (deployed.root / path).is_file()] == [
        str(recipe.relative_to(deployed.root)),
        PROGRAM,
        SERVICE,
        TIMER,
        ENABLED,
    ]


def test_a_second_look_and_a_second_run_change_nothing(deployed: SystemdHost) -> None:
    before = tree(deployed.root)
    assert deployed.inspect() == (replace(deployed.inspect()[0], drift=()), "installed")
    deployed.deploy(repair(1))
    after = tree(deployed.root)
    assert {path: entry for path, entry in after.items() if ".activated" not in path} == {
        path: entry for path, entry in before.items() if ".activated" not in path
    }
    assert deployed.calls() == []


def test_a_look_starts_no_program(deployed: SystemdHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_arguments: object, **_options: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", started)
    assert deployed.drift() == ()


@pytest.mark.parametrize("path", ["recipe", PROGRAM, SERVICE, TIMER, ENABLED])
@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_what_is_missing_or_changed_is_noticed_and_repaired(deployed: SystemdHost, path: str, damage: str) -> None:
    file = recipe_of(deployed) if path == "recipe" else deployed.root / path
    before = tree(deployed.root)
    if path == ENABLED or damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes().replace(b"app", b"ape") + b"\n")
    assert deployed.drift() == MISSING
    assert deployed.deploy(repair(1)).certificates[0].generation == 1
    assert deployed.drift() == ()
    deployed.calls()
    changed = {path for path, entry in tree(deployed.root).items() if entry != before.get(path)}
    assert {path for path in changed if ".activated" not in path} <= {TIMER}


def test_a_leaf_that_is_to_be_activated_says_so_and_gets_its_withdrawal_by_that(host: SystemdHost, leaf: Leaf) -> None:
    host.deploy(delivery(leaf))
    host.activation = RELOAD
    known = host.inspect()[0]
    inquiry = Inquiry("app", keep=known.leaf_sha256, keep_chain=known.chain_sha256)
    inspection = inspect_leaves(host.destination, [inquiry], RELOAD)
    seen = with_drift(inspection, [inquiry], host.withdrawal).certificates[0]
    assert (seen.drift, seen.unserved) == ((), ("generation 1 was not activated",))
    host.deploy(repair(1))
    assert host.drift() == ()


def test_another_command_is_another_recipe(deployed: SystemdHost, leaf: Leaf) -> None:
    deployed.activation = Activation(test=("true",), reload=("true", "2"))
    assert deployed.drift() == MISSING
    deployed.deploy(repair(1))
    assert deployed.drift() == ()
    commands = [["/usr/bin/true"], ["/usr/bin/true"]], [["/usr/bin/true"], ["/usr/bin/true", "2"]]
    assert json.loads(recipe_of(deployed).read_text())["commands"] == list(commands)
    deployed.activation = RELOAD  # the task that has another way finds its own still there
    assert deployed.drift() == ()
    deployed.activation = Activation(test=("true",), reload=("true", "2"))
    deployed.deploy(Delivery("app", STAPLE_ONLY, 1, staple=leaf.staple))
    assert json.loads(recipe_of(deployed).read_text())["commands"] == [commands[1]]


def test_off_removes_all_of_it(deployed: SystemdHost) -> None:
    deployed.wanted = False
    assert deployed.inspect()[1] == "not needed"
    assert deployed.drift() == LEFT_OVER
    (deployed.root / "stamps/stamp-anchorage-withdraw.timer").touch()
    assert deployed.deploy(repair(1)).withdrawal == "not needed"
    assert deployed.drift() == ()
    assert [path for path in deployed.traces() if not (deployed.root / path).is_dir()] == []
    assert deployed.calls()[0].startswith("disable --now anchorage-withdraw.timer")


def test_a_server_that_needs_none_has_it_removed(deployed: SystemdHost) -> None:
    deployed.server = "haproxy"
    assert deployed.inspect()[1] == "not needed"
    assert deployed.drift()[-1:] == LEFT_OVER
    deployed.deploy(repair(1))
    assert deployed.drift() == ()
    assert not list((deployed.root / "etc").rglob("*.json"))


@pytest.mark.parametrize("wanted", [False, True])
def test_what_is_not_needed_is_not_installed(host: SystemdHost, leaf: Leaf, wanted: bool) -> None:
    host.wanted = wanted
    before = host.traces()
    unstapled = replace(delivery(leaf), staple=b"") if wanted else delivery(leaf)
    assert host.deploy(unstapled).withdrawal == ("installed" if wanted else "not needed")
    assert host.drift() == ()
    assert host.traces() == before


def test_a_leaf_that_clients_refuse_without_a_staple_keeps_it(host: SystemdHost) -> None:
    key, (authority, authority_key) = ec.generate_private_key(ec.SECP256R1()), issuer()
    former = x509.load_pem_x509_certificate(make_leaf().certificate.encode())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(former.subject)
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(former.not_valid_before_utc)
        .not_valid_after(former.not_valid_after_utc)
        .add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    text = certificate.public_bytes(Encoding.PEM).decode()
    must = Leaf(text, make_leaf().chain, pem_of_key(key), make_staple(certificate))
    before = host.traces()
    host.deploy(delivery(must))
    assert host.drift() == ()
    assert host.traces() == before
    host.deploy(delivery(make_leaf(), 1))
    assert recipe_of(host).exists()
    host.deploy(delivery(must, 2))
    assert not list((host.root / "etc").rglob("*.json"))


def test_a_staple_that_is_no_longer_wanted_takes_its_recipe_along(deployed: SystemdHost) -> None:
    deployed.deploy(delivery(make_leaf(), name="other"))
    deployed.deploy(Delivery("app", STAPLE_ONLY, 1))
    assert json.loads(recipe_of(deployed).read_text())["name"] == "other"
    assert (deployed.root / PROGRAM).exists()


@pytest.mark.parametrize("reason", ["no systemd", "a folder of others", "not root"])
def test_where_it_cannot_be_the_leaf_is_deployed_all_the_same(
    host: SystemdHost, leaf: Leaf, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason == "no systemd":
        (host.root / "running").rmdir()
    elif reason == "a folder of others":  # as /usr/local/lib is, of the group staff, on older Debian
        (host.root / "lib").mkdir()
        os.chown(host.root / "lib", 0, 50)
        (host.root / "lib").chmod(0o2775)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
    before = host.traces()
    result = host.deploy(delivery(leaf))
    assert (result.withdrawal, result.notices) == ("unavailable", ())
    assert host.inspect() == (replace(host.inspect()[0], drift=()), "unavailable")
    assert host.traces() == before


def test_a_users_own_folder_feeds_no_command_to_root(host: SystemdHost, leaf: Leaf) -> None:
    """A task of the user's installs nothing; a task of root's takes no folder that the user can write in; and what a
    user puts into a leaf's folder is no recipe."""
    destination = host.root / "pki"
    destination.mkdir()
    os.chown(destination, 1000, 1000)
    with pytest.raises(HostError, match="Other users than root may write"):
        host.deploy(delivery(leaf))
    for name in ("app.json", "withdraw.d/app.json"):
        (destination / name).parent.mkdir(exist_ok=True)
        (destination / name).write_text(
            json.dumps(
                {"destination": str(destination), "name": "app", "server": "none", "commands": [[[], ["false"]]]}
            )
        )
    assert host.withdraw(2**31) == 0
    assert not (host.root / "etc").exists()


def test_a_recipe_for_a_folder_that_became_a_users_runs_nothing(deployed: SystemdHost) -> None:
    """Root's own recipe, once its destination was given away."""
    os.chown(deployed.root / "pki", 1000, 1000)
    assert deployed.withdraw(2**31) == 1
    assert linked(deployed.root / "pki/app") == "v1"


def test_a_full_set_up_that_fails_is_told_and_tried_again(host: SystemdHost, leaf: Leaf) -> None:
    (host.root / "broken").touch()
    result = host.deploy(delivery(leaf))
    assert result.withdrawal == "unavailable"
    (notice,) = result.notices
    assert "was not set up; the next run tries again: systemctl daemon-reload failed" in notice
    assert host.drift() == MISSING
    (host.root / "broken").unlink()
    host.deploy(repair(1))
    assert host.drift() == ()


def test_a_failed_deployment_leaves_the_former_recipe(deployed: SystemdHost) -> None:
    before = recipe_of(deployed).read_bytes()
    deployed.activation = Activation(test=("false",), reload=("other",))
    with pytest.raises(HostError):
        deployed.deploy(delivery(make_leaf(), 1))
    assert recipe_of(deployed).read_bytes() == before
    deployed.activation = RELOAD
    assert deployed.drift() == ()


def test_with_the_last_leaf_all_of_it_goes(deployed: SystemdHost) -> None:
    deployed.deploy(delivery(make_leaf(), name="other"))
    removal = deployed.remove("app")
    assert [leaf.removed for leaf in removal.certificates] == [True]
    assert json.loads(recipe_of(deployed).read_text())["name"] == "other"
    before = tree(deployed.root)
    assert deployed.remove("other", check_mode=True).changed
    assert tree(deployed.root) == before
    assert deployed.remove("other").changed
    assert [path for path in deployed.traces() if not (deployed.root / path).is_dir()] == []
    assert not (deployed.root / "lib/anchorage").exists()
    assert not (deployed.root / "etc/anchorage").exists()
    assert not deployed.remove("other").changed


def test_a_recipe_whose_leaf_is_gone_goes_with_the_next_removal(deployed: SystemdHost) -> None:
    os.rename(deployed.root / "pki", deployed.root / "elsewhere")
    for check_mode in (True, False):
        removal = deployed.remove("app", check_mode=check_mode)
        assert (removal.changed, removal.certificates[0].removed) == (True, True)
    assert not deployed.remove("app").changed


def test_the_installed_program_runs_by_itself(deployed: SystemdHost) -> None:
    """As systemd starts it; without any recipe of this machine's, it has nothing to do."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from {} import main; print(main.__doc__)"
    module = "ansible_collections.anchorage.pki.plugins.module_utils._programs.withdraw"
    run = [sys.executable, "-I", "-c", code.format(module), deployed.root / PROGRAM]
    shown = subprocess.run(run, capture_output=True, text=True, check=True, cwd="/").stdout
    assert shown.startswith("Run as")


def test_a_run_that_is_killed_while_it_sets_up_is_completed_by_the_next(
    host: SystemdHost, leaf: Leaf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    host.deploy(replace(delivery(leaf), staple=b""))
    before = tree(host.root)
    with_staple = Delivery("app", STAPLE_ONLY, 1, staple=leaf.staple)
    seen = set()
    for call_number in range(1, 1000):
        restore(host.root, before)
        if not killed_at(call_number, lambda: host.deploy(with_staple)):
            break
        found = host.inspect()[0]
        seen.add(found.drift == MISSING)
        host.deploy(repair(found.generation))
        assert host.drift() == ()
        host.remove("app")
        assert not (host.root / "etc").exists() or not list((host.root / "etc").rglob("*.json"))
    assert call_number > 50
    assert seen == {True, False}
