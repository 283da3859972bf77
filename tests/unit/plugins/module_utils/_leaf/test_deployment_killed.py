# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deployments that are killed at any system call, and readers at any instant: a leaf is complete or not there."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Delivery
from ansible_collections.anchorage.pki.tests.unit.interruptions import killed_at
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    NO_SERVER,
    Leaf,
    delivery,
    deploy_leaf,
    destination_at,
    inspected,
    make_leaf,
    repair,
)


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for the disk, which matters to a power cut alone; none of these tests has one."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


def assert_consistent(folder: Path, leaves: list[Leaf]) -> None:
    """What a server would read by the pointer file, and others by the link, is one of the leaves and complete."""
    certificate, key, staple = re.findall(r'"(/.*)"', (folder / "nginx.conf").read_text())
    for path in dict.fromkeys([Path(certificate).parent, (folder / "current").resolve()]):
        deployed = (path / "cert.pem").read_text()
        (leaf,) = (leaf for leaf in leaves if leaf.certificate == deployed)
        assert (path / Path(certificate).name).read_text() == leaf.certificate + leaf.chain
        assert (path / Path(key).name).read_text() == leaf.private_key
        assert (path / Path(staple).name).read_bytes() == leaf.staple
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path / "combined.pem")


@pytest.mark.usefixtures("unsynced")
def test_killed_at_any_system_call_the_former_or_the_new_leaf_is_complete(private_folder: Path) -> None:
    """And the next run completes the work, without a trace of the one that was killed."""
    leaves = [make_leaf("first.test")]
    destination = destination_at(private_folder)
    former = deploy_leaf(destination, leaves[0])
    seen = set()
    for call_number in range(1, 1000):
        leaves.append(make_leaf(f"n{call_number}.test"))
        wanted = delivery(leaves[-1], former.generation)
        if not killed_at(call_number, lambda wanted=wanted: deploy(destination, [wanted], NO_SERVER)):
            break
        assert_consistent(private_folder / "app", leaves)
        after = inspected(destination)
        assert after.damage == ""
        assert after.leaf_sha256 in (former.leaf_sha256, leaves[-1].sha256)
        seen.add((after.leaf_sha256 == leaves[-1].sha256, bool(after.drift)))
        repaired = deploy(destination, [repair(after.generation)], NO_SERVER)
        assert repaired.certificates[0].leaf_sha256 == after.leaf_sha256
        settled = inspected(destination)
        assert (settled.drift, settled.leaf_sha256) == ((), after.leaf_sha256)
        assert_consistent(private_folder / "app", leaves)
        former = deploy_leaf(destination, leaves[-1], settled.generation)
        assert {re.sub(r"v\d+", "v", path.name) for path in (private_folder / "app").iterdir()} == {
            "current",
            "nginx.conf",
            "v",
        }
        assert len(list((private_folder / "app").glob("v*"))) == 2
        assert {path.name for path in private_folder.iterdir()} == {"app", ".lock"}
    assert call_number > 40
    # Killed before the swap, in the activation, and after it was settled.
    assert seen == {(False, False), (False, True), (True, False)}


@pytest.mark.usefixtures("unsynced")
def test_a_first_deployment_killed_anywhere_leaves_nothing_or_all(private_folder: Path) -> None:
    destination, call_number, leaf, other = destination_at(private_folder / "pki"), 0, make_leaf(), make_leaf()
    while True:
        call_number += 1
        if not killed_at(call_number, lambda: deploy_leaf(destination, leaf)):
            break
        state = inspected(destination)
        assert (state.generation, state.damage) in ((0, ""), (1, ""))
        result = deploy_leaf(destination, other, state.generation)
        assert result.generation == state.generation + 1
        assert inspected(destination).drift == ()
        shutil.rmtree(private_folder / "pki")
    assert call_number > 40


def test_leaves_of_a_killed_activation_go_back_together(private_folder: Path) -> None:
    """A run for one of them sets the other's pointers back too, and remembers that its server does not know yet."""
    destination = destination_at(private_folder)
    names = ("app", "db")
    former = [make_leaf() for dummy in names]
    deploy(destination, [delivery(leaf, name=name) for leaf, name in zip(former, names, strict=True)], NO_SERVER)
    both = [delivery(make_leaf(), 1, name) for name in names]
    assert killed_in_activation(destination, both)
    assert [inspected(destination, name).leaf_sha256 for name in names] == [leaf.sha256 for leaf in former]
    deploy_leaf(destination, make_leaf(), 1, "app")
    assert os.readlink(private_folder / "db/current") == "v1"
    assert [inspected(destination, name).drift for name in names] == [(), ()]


def test_a_failed_recovery_still_has_work_left(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    deploy_leaf(destination, make_leaf())
    assert killed_in_activation(destination, [delivery(make_leaf(), 1)])
    with pytest.raises(HostError, match=r"activate\.test"):
        deploy(destination, [repair(1)], Activation(test=("false",)))
    assert inspected(destination).drift == ("the activation of generation 1 did not complete",)
    deploy(destination, [repair(1)], Activation(test=("true",), reload=("true",)))
    assert inspected(destination).drift == ()


def killed_in_activation(destination: Destination, deliveries: list[Delivery]) -> bool:
    """Deploy in a child that is killed by its own configuration test, after the swap."""
    child = os.fork()
    if child == 0:
        deploy(destination, deliveries, Activation(test=("sh", "-c", f"kill -9 {os.getpid()}")))
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.usefixtures("unsynced")
def test_readers_never_see_a_mismatched_set(private_folder: Path) -> None:
    """Three hundred swaps under readers that open by path, as a server does when it reloads."""
    destination = destination_at(private_folder)
    leaves = [make_leaf(f"n{number}.test") for number in range(10)]
    deploy_leaf(destination, leaves[0])
    known = {leaf.certificate + leaf.chain: leaf for leaf in leaves}
    pointer, stopped, sets, mismatched = private_folder / "app/nginx.conf", threading.Event(), [0], []

    def read() -> None:
        while not stopped.is_set():
            certificate, key, staple = re.findall(r'"(/.*)"', pointer.read_text())
            try:
                found = Path(certificate).read_text(), Path(key).read_text(), Path(staple).read_bytes()
            except FileNotFoundError:  # two swaps during one read: the server would start over
                continue
            leaf = known[found[0]]
            sets[0] += 1
            time.sleep(0.001)  # else Python's threads spend their time on waiting for each other
            if (leaf.private_key, leaf.staple) != found[1:]:
                mismatched.append(certificate)

    readers = [threading.Thread(target=read) for dummy in range(2)]
    for reader in readers:
        reader.start()
    try:
        for number in range(1, 301):
            deploy(destination, [replace(delivery(leaves[number % 10]), expected_generation=number)], NO_SERVER)
    finally:
        stopped.set()
        for reader in readers:
            reader.join()
    assert mismatched == []
    assert sets[0] > 300
