# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deployments that end early: interrupted, out of space, or two at once."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Delivery
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    NO_SERVER,
    delivery,
    deploy_leaf,
    destination_at,
    inspected,
    make_leaf,
    tree,
)

WAIT = 10


class Child:
    """Some work in a process of its own, whose error message comes back."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._messages, message = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            status = 1
            try:
                work()
                status = 0
            except HostError as error:
                os.write(message, str(error).encode())
                status = 0
            finally:
                os._exit(status)
        os.close(message)

    def message(self) -> str:
        """What the work failed with, "" where it succeeded, once it has ended."""
        assert os.waitpid(self.process, 0)[1] == 0
        with open(self._messages, encoding="utf-8") as messages:
            return messages.read()


# Signals and lost connections


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
    deploy_leaf(destination, make_leaf())
    before = tree(private_folder / "pki")
    started = private_folder / "started"
    activation = Activation(test=("sh", "-c", f"touch {started}; sleep 600"), timeout=60)
    child = Child(lambda: deploy(destination, [delivery(make_leaf(), 1)], activation))
    wait_for(started)
    os.kill(child.process, number)
    message = child.message()
    assert f"was stopped: interrupted by {number.name}. Rolled back: app is at generation 1 as before." in message
    assert tree(private_folder / "pki") == before


def test_a_lost_connection_is_rolled_back(private_folder: Path) -> None:
    """Whoever reads the standard output is gone, as when a connection without a terminal breaks."""
    destination = destination_at(private_folder / "pki")
    deploy_leaf(destination, make_leaf())
    before = tree(private_folder / "pki")
    started = private_folder / "started"
    activation = Activation(test=("sh", "-c", f"touch {started}; sleep 600"), timeout=60)
    controller_end, standard_output = os.pipe()

    def deploy_to_nobody() -> None:
        os.close(controller_end)
        os.dup2(standard_output, 1)
        os.close(standard_output)
        deploy(destination, [delivery(make_leaf(), 1)], activation)

    child = Child(deploy_to_nobody)
    os.close(standard_output)
    wait_for(started)
    os.close(controller_end)
    message = child.message()
    assert "the connection to the controller was lost" in message
    assert tree(private_folder / "pki") == before


# Two at once


@pytest.fixture
def other_run(private_folder: Path) -> Iterator[Path]:
    """A run in another process that holds the destination for as long as the file lasts."""
    destination = destination_at(private_folder / "pki")
    deploy_leaf(destination, make_leaf())
    held = private_folder / "held"
    script = f"touch {held}; while test -e {held}; do sleep 0.02; done"
    child = Child(lambda: deploy(destination, [delivery(make_leaf(), 1)], Activation(test=("sh", "-c", script))))
    wait_for(held)
    yield held
    held.unlink(missing_ok=True)
    assert child.message() == ""


def test_a_second_run_gives_up_with_a_clear_sentence(private_folder: Path, other_run: Path) -> None:
    assert other_run.exists()
    destination = destination_at(private_folder / "pki", lock_timeout=0.2)
    with pytest.raises(HostError, match=r"Another run has been working in .*/pki for 0 seconds\. Nothing was changed"):
        deploy_leaf(destination, make_leaf(), 1)


def test_an_inspection_waits_for_the_end_of_a_deployment(private_folder: Path, other_run: Path) -> None:
    threading.Timer(0.3, other_run.unlink).start()
    state = inspected(destination_at(private_folder / "pki"))
    assert (state.generation, state.drift) == (2, ())


def test_the_second_of_two_runs_sees_that_the_first_deployed(private_folder: Path, other_run: Path) -> None:
    threading.Timer(0.3, other_run.unlink).start()
    with pytest.raises(HostError, match="generation 2 is deployed where 1 was expected: another run deployed"):
        deploy(destination_at(private_folder / "pki"), [delivery(make_leaf(), 1)], NO_SERVER)


def test_a_lock_that_another_run_removed_at_its_end_is_not_taken(
    private_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def lock_after_another_run(descriptor: int, kind: int) -> None:
        (private_folder / "pki" / ".lock").unlink()
        lock(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", lock_after_another_run)
    with pytest.raises(HostError, match=r"Another run has just removed everything in .*/pki\. Run the task"):
        deploy(destination_at(private_folder / "pki"), [delivery(make_leaf())], NO_SERVER)
    assert list(private_folder.iterdir()) == []


# Full disks, closed folders


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
    deploy_leaf(destination, make_leaf())
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        fill(filler)
    before = tree(small_disk / "pki")
    messages = []
    while not messages or messages[-1]:
        messages.append(failure(destination, delivery(make_leaf(), 1)))
        if messages[-1]:
            assert f"The file system of {small_disk}/pki is full" in messages[-1]
            assert tree(small_disk / "pki") == before
        os.truncate(filler, filler.stat().st_size - 4096)
    assert len(messages) > 5
    assert inspected(destination).generation == 2


def failure(destination: Destination, wanted: Delivery) -> str:
    """What a deployment fails with, "" where it succeeds."""
    try:
        deploy(destination, [wanted], NO_SERVER)
    except HostError as error:
        return str(error)
    return ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_unwritable_folder_is_named() -> None:
    def deploy_as_nobody() -> None:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        deploy_leaf(destination_at(Path("/var/lib/anchorage-test")), make_leaf())

    message = Child(deploy_as_nobody).message()
    assert message.startswith(
        "/var/lib/anchorage-test is not accessible to the user who runs the task (Permission denied"
    )
    assert "Add become: true" in message
