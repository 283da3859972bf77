# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deployments that end early: killed at any system call, interrupted, out of space, or two at once."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf import destination as destination_module
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation import Activation
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.inspection import Inquiry, report
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staging import Request
from ansible_collections.anchorage.pki.tests.unit.leaves import Leaf, destination_at, make_leaf, request, tree

NO_SERVER = Activation()
WAIT = 10

#: The system calls that change something on the disk.
CHANGING_CALLS = ("open", "mkdir", "rename", "symlink", "link", "unlink", "rmdir", "fsync", "fchmod", "fchown")


class EndedError(Exception):
    """The child had no further system call to be killed at."""


def reported(destination: Destination, name: str = "app") -> dict[str, object]:
    return report(destination, [Inquiry(name, False, "ecdsa-p256", "", "", False)], check_mode=True)[0]


def killed_at(call_number: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a child that is killed just before its n-th changing system call; whether it came that far."""
    child = os.fork()
    if child == 0:
        calls = iter(range(1, call_number + 1))

        def counted(original: Callable[..., object]) -> Callable[..., object]:
            def call(*arguments: object, **options: object) -> object:
                if next(calls, None) == call_number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*arguments, **options)

            return call

        for name in CHANGING_CALLS:
            setattr(os, name, counted(getattr(os, name)))
        work()
        os._exit(0)
    _child, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        return False
    assert os.WTERMSIG(status) == signal.SIGKILL
    return True


def assert_consistent(folder: Path, leaves: list[Leaf]) -> None:
    """What a server would read by the pointer file, and others by the link, is one of the leaves and complete."""
    certificate, key, staple = re.findall(r'"(/.*)"', (folder / "nginx.conf").read_text())
    for path in (Path(certificate).parent, (folder / "current").resolve()):
        (leaf,) = (leaf for leaf in leaves if leaf.certificate == (path / "cert.pem").read_text())
        assert (path / Path(certificate).name).read_text() == leaf.certificate + leaf.chain
        assert (path / Path(key).name).read_text() == leaf.private_key
        assert (path / Path(staple).name).read_bytes() == leaf.staple
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path / "combined.pem")


def test_killed_at_any_system_call_the_former_or_the_new_leaf_is_complete(private_folder: Path) -> None:
    """And the next run brings things to an end, without a trace of the one that was killed."""
    leaves = [make_leaf("first.test")]
    destination = destination_at(private_folder)
    deploy(destination, [request(leaves[0])], NO_SERVER)
    seen = set()
    for call_number in range(1, 1000):
        former = reported(destination)
        leaves.append(make_leaf(f"n{call_number}.test"))
        wanted = request(leaves[-1], former["generation"])
        if not killed_at(call_number, lambda wanted=wanted: deploy(destination, [wanted], NO_SERVER)):
            break
        assert_consistent(private_folder / "app", leaves)
        after = reported(destination)
        assert after["damage"] == ""
        assert after["leaf_sha256"] in (former["leaf_sha256"], leaves[-1].sha256)
        seen.add((after["leaf_sha256"] == leaves[-1].sha256, bool(after["drift"])))
        repaired = deploy(destination, [Request("app", "repair", after["generation"])], NO_SERVER)
        assert repaired["certificates"][0]["leaf_sha256"] == after["leaf_sha256"]
        settled = reported(destination)
        assert (settled["drift"], settled["leaf_sha256"]) == ([], after["leaf_sha256"])
        assert_consistent(private_folder / "app", leaves)
        deploy(destination, [request(leaves[-1], settled["generation"])], NO_SERVER)
        assert {re.sub(r"v\d+", "v", path.name) for path in (private_folder / "app").iterdir()} == {
            "current",
            "nginx.conf",
            "v",
        }
        assert len(list((private_folder / "app").glob("v*"))) == 2
        assert {path.name for path in private_folder.iterdir()} == {"app", ".lock"}
    assert call_number > 50
    # Killed before the swap, in the activation, and after it was settled.
    assert seen == {(False, False), (False, True), (True, False)}


def test_a_first_deployment_killed_anywhere_leaves_nothing_or_all(private_folder: Path) -> None:
    destination, call_number = destination_at(private_folder / "pki"), 0
    while True:
        call_number += 1
        if not killed_at(call_number, lambda: deploy(destination, [request(make_leaf())], NO_SERVER)):
            break
        state = reported(destination)
        assert (state["generation"], state["damage"]) in ((0, ""), (1, ""))
        result = deploy(destination, [request(make_leaf(), state["generation"])], NO_SERVER)
        assert result["certificates"][0]["generation"] == state["generation"] + 1
        assert reported(destination)["drift"] == []
        subprocess.run(["rm", "-r", str(private_folder / "pki")], check=True)
    assert call_number > 50


def test_leaves_of_a_killed_activation_go_back_together(private_folder: Path) -> None:
    """A run for one of them points the other back too, and does not forget that its server is to be told."""
    destination = destination_at(private_folder)
    names = ("app", "db")
    former = [make_leaf() for dummy in names]
    deploy(destination, [request(leaf, name=name) for leaf, name in zip(former, names, strict=True)], NO_SERVER)
    both = [request(make_leaf(), 1, name) for name in names]
    assert killed_in_activation(destination, both)
    assert [reported(destination, name)["leaf_sha256"] for name in names] == [leaf.sha256 for leaf in former]
    deploy(destination, [request(make_leaf(), 1, "app")], NO_SERVER)
    assert os.readlink(private_folder / "db/current") == "v1"
    assert [reported(destination, name)["drift"] for name in names] == [[], []]


def test_a_failed_recovery_still_has_work_left(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    deploy(destination, [request(make_leaf())], NO_SERVER)
    assert killed_in_activation(destination, [request(make_leaf(), 1)])
    with pytest.raises(HostError, match=r"activate\.test"):
        deploy(destination, [Request("app", "repair", 1)], Activation(test=["false"]))
    assert reported(destination)["drift"] == ["the activation of generation 1 was not brought to an end"]
    deploy(destination, [Request("app", "repair", 1)], Activation(test=["true"], reload=["true"]))
    assert reported(destination)["drift"] == []


def killed_in_activation(destination: Destination, requests: list[Request]) -> bool:
    """Deploy in a child that is killed by its own configuration test, after the swap."""
    child = os.fork()
    if child == 0:
        deploy(destination, requests, Activation(test=["sh", "-c", f"kill -9 {os.getpid()}"]))
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


# --- Signals and lost connections ------------------------------------------------------------------------------------


def deploying_child(destination: Destination, wanted: Request, activation: Activation, output: int) -> int:
    """Deploy in a child whose error message goes to ``output`` and whose standard output is left as it is."""
    child = os.fork()
    if child == 0:
        try:
            deploy(destination, [wanted], activation)
        except HostError as error:
            os.write(output, str(error).encode())
        os._exit(0)
    return child


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + WAIT
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def heeded(number: signal.Signals) -> Iterator[None]:
    """The signal is not ignored, though the tests may have been started by nohup or in the background."""
    former = signal.signal(number, signal.SIG_DFL)
    yield
    signal.signal(number, former)


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_activation_is_rolled_back(private_folder: Path, number: signal.Signals) -> None:
    destination = destination_at(private_folder / "pki")
    deploy(destination, [request(make_leaf())], NO_SERVER)
    before = tree(private_folder / "pki")
    started = private_folder / "started"
    read_end, write_end = os.pipe()
    activation = Activation(test=["sh", "-c", f"touch {started}; sleep 600"], timeout=60)
    child = deploying_child(destination, request(make_leaf(), 1), activation, write_end)
    wait_for(started)
    os.kill(child, number)
    os.waitpid(child, 0)
    message = os.read(read_end, 10_000).decode()
    os.close(read_end)
    os.close(write_end)
    assert f"was ended: interrupted by {number.name}. Rolled back: app is at generation 1 as before." in message
    assert tree(private_folder / "pki") == before


def test_a_lost_connection_is_rolled_back(private_folder: Path) -> None:
    """Whoever reads the standard output is gone, as when a connection without a terminal breaks."""
    destination = destination_at(private_folder / "pki")
    deploy(destination, [request(make_leaf())], NO_SERVER)
    before = tree(private_folder / "pki")
    started = private_folder / "started"
    controller_end, standard_output = os.pipe()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(controller_end)
        os.dup2(standard_output, 1)
        os.close(standard_output)
        try:
            activation = Activation(test=["sh", "-c", f"touch {started}; sleep 600"], timeout=60)
            deploy(destination, [request(make_leaf(), 1)], activation)
        except HostError as error:
            os.write(write_end, str(error).encode())
        os._exit(0)
    os.close(standard_output)
    wait_for(started)
    os.close(controller_end)
    os.waitpid(child, 0)
    message = os.read(read_end, 10_000).decode()
    os.close(read_end)
    os.close(write_end)
    assert "the connection to the controller was lost" in message
    assert tree(private_folder / "pki") == before


# --- Two at once -----------------------------------------------------------------------------------------------------


@pytest.fixture
def other_run(private_folder: Path) -> Iterator[Path]:
    """A run in another process that holds the destination for as long as the file lasts."""
    destination = destination_at(private_folder / "pki")
    deploy(destination, [request(make_leaf())], NO_SERVER)
    held = private_folder / "held"
    script = f"touch {held}; while test -e {held}; do sleep 0.02; done"
    child = deploying_child(destination, request(make_leaf(), 1), Activation(test=["sh", "-c", script]), 2)
    wait_for(held)
    yield held
    held.unlink(missing_ok=True)
    os.waitpid(child, 0)


def test_a_second_run_gives_up_with_a_clear_sentence(
    private_folder: Path, other_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert other_run.exists()
    monkeypatch.setattr(destination_module.exclusive_lock.__wrapped__, "__defaults__", (0.2,))
    destination = destination_at(private_folder / "pki")
    with pytest.raises(HostError, match=r"Another run has been working in .*/pki for 0 seconds\. Nothing was changed"):
        deploy(destination, [request(make_leaf(), 1)], NO_SERVER)


def test_a_report_waits_for_the_end_of_a_deployment(private_folder: Path, other_run: Path) -> None:
    threading.Timer(0.3, other_run.unlink).start()
    state = reported(destination_at(private_folder / "pki"))
    assert (state["generation"], state["drift"]) == (2, [])


def test_the_second_of_two_runs_sees_that_the_first_deployed(private_folder: Path, other_run: Path) -> None:
    threading.Timer(0.3, other_run.unlink).start()
    with pytest.raises(HostError, match="generation 2 is deployed where 1 was expected: another run deployed"):
        deploy(destination_at(private_folder / "pki"), [request(make_leaf(), 1)], NO_SERVER)


def test_a_lock_that_another_run_removed_at_its_end_is_not_taken(
    private_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock

    def flock_after_another_run(descriptor: int, operation: int) -> None:
        (private_folder / "pki" / ".lock").unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock_after_another_run)
    with pytest.raises(HostError, match=r"Another run has just left nothing in .*/pki\. Run the task"):
        deploy(destination_at(private_folder / "pki"), [request(make_leaf())], NO_SERVER)
    assert list(private_folder.iterdir()) == []


# --- Full disks, closed folders --------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(private_folder: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    mount_point = private_folder / "disk"
    mount_point.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0755", "none", str(mount_point)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    yield mount_point
    subprocess.run(["umount", str(mount_point)], check=True)


def fill(filler: Path) -> None:
    """Take the last free block of a disk."""
    with filler.open("wb") as file:
        while True:
            os.write(file.fileno(), bytes(4096))


def test_a_full_disk_changes_nothing(small_disk: Path) -> None:
    """However much space is left, from none to almost enough."""
    destination, filler = destination_at(small_disk / "pki"), small_disk / "filler"
    deploy(destination, [request(make_leaf())], NO_SERVER)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        fill(filler)
    before = tree(small_disk / "pki")
    messages = []
    while not messages or messages[-1]:
        messages.append(failure(destination, request(make_leaf(), 1)))
        if messages[-1]:
            assert f"The file system of {small_disk}/pki is full" in messages[-1]
            assert tree(small_disk / "pki") == before
        os.truncate(filler, filler.stat().st_size - 4096)
    assert len(messages) > 5
    assert reported(destination)["generation"] == 2


def failure(destination: Destination, wanted: Request) -> str:
    """What a deployment fails with, "" where it succeeds."""
    try:
        deploy(destination, [wanted], NO_SERVER)
    except HostError as error:
        return str(error)
    return ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_unwritable_folder_is_named() -> None:
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        os.write(write_end, failure(destination_at(Path("/var/lib/anchorage-test")), request(make_leaf())).encode())
        os._exit(0)
    os.waitpid(child, 0)
    message = os.read(read_end, 10_000).decode()
    os.close(read_end)
    os.close(write_end)
    assert message.startswith("/var/lib/anchorage-test is not open to the user who runs the task (Permission denied")
    assert "Add become: true" in message


# --- Readers ---------------------------------------------------------------------------------------------------------


def test_readers_never_see_a_mismatched_set(private_folder: Path) -> None:
    """Three hundred swaps under readers that open by path, as a server does when it reloads."""
    destination = destination_at(private_folder)
    leaves = [make_leaf(f"n{number}.test") for number in range(10)]
    deploy(destination, [request(leaves[0])], NO_SERVER)
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
            if (leaf.private_key, leaf.staple) != found[1:]:
                mismatched.append(certificate)

    readers = [threading.Thread(target=read) for dummy in range(2)]
    for reader in readers:
        reader.start()
    try:
        for number in range(1, 301):
            deploy(destination, [replace(request(leaves[number % 10]), expected_generation=number)], NO_SERVER)
    finally:
        stopped.set()
        for reader in readers:
            reader.join()
    assert mismatched == []
    assert sets[0] > 300
