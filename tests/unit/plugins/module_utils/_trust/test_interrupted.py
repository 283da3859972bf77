# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of runs that are killed at each of their steps, and of the run after them, on each platform.

A process is killed by itself, before the n-th event that changes something; or amid the refresh, by the command.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from ansible_collections.anchorage.pki.tests.unit.certctl import COMPILED
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import PROGRAM, ScratchDebian
from ansible_collections.anchorage.pki.tests.unit.scratch_freebsd import ScratchFreebsd
from ansible_collections.anchorage.pki.tests.unit.scratch_host import OPPOSITE, REACHED, apply, apply_unseen
from ansible_collections.anchorage.pki.tests.unit.scratch_platforms import PLATFORMS, ScratchPlatform, scratch_platform

pytestmark = pytest.mark.skipif(
    not os.path.exists(PROGRAM) or shutil.which("openssl") is None,
    reason="needs Debian's packages ca-certificates and openssl",
)

Host: TypeAlias = ScratchDebian | ScratchFreebsd | ScratchPlatform
CHANGES = {"os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename"}


@pytest.fixture
def debian(tmp_path: Path) -> ScratchDebian:
    return ScratchDebian(tmp_path / "host")


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> Iterator[ScratchPlatform]:
    with scratch_platform(request.param) as host:
        yield host


@pytest.fixture(params=["debian", "freebsd", *PLATFORMS])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    if request.param == "debian":
        yield ScratchDebian(tmp_path / "host")
    elif request.param == "freebsd":
        yield ScratchFreebsd(tmp_path / "host", COMPILED, pem_of(make_root("Public root")))
    else:
        with scratch_platform(request.param) as platform:
            yield platform


def is_killed(operation: str, host: Host, event: int) -> bool:
    """Apply in a process of its own, killed before its n-th change or refresh; False where it has fewer of them."""
    child = os.fork()
    if child == 0:
        count = 0

        def kill(name: str, arguments: tuple[Any, ...]) -> None:
            nonlocal count
            # By os.open(), as the files of a store are: a command's temporary files are not.
            writes = name == "open" and arguments[1] is None and arguments[2] & os.O_CREAT
            refreshes = name == "subprocess.Popen" and arguments[0] == str(host.program)
            changes = name in CHANGES or bool(writes) or refreshes
            count += changes
            if changes and count == event:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill)
        apply_unseen(operation, host)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_a_run_that_was_killed_anywhere_is_healed_by_the_next(host: Host, operation: str) -> None:
    apply(OPPOSITE[operation], host)
    event, healed = 1, []
    with host.snapshot() as restore:
        while is_killed(operation, host, event):
            left = host.picture()
            if left not in healed:  # not all that is counted leaves other files than what was before it
                outcome = apply(operation, host)
                assert outcome.state == REACHED[operation], (event, outcome.evidence)
                assert not [path for path in host.anchors.iterdir() if path.name.endswith(".new")]
                assert not apply(operation, host).changed
                healed.append(left)
            restore()
            event += 1
    assert event > 4, "hardly any step was seen"


@pytest.mark.parametrize("operation", ["install", "remove"])
@pytest.mark.parametrize("moment", ["before", "amid", "after"])
def test_a_run_that_was_killed_by_its_refresh_is_healed(debian: ScratchDebian, operation: str, moment: str) -> None:
    if operation == "remove":
        apply("install", debian)
    sound = debian.program.read_text()
    real = debian.root / "real"
    real.write_text(sound)
    real.chmod(0o755)
    spoil = {
        "before": "kill -9 $PPID; exit",
        "amid": f"find {debian.links} -type l -delete; kill -9 $PPID; exit",
        "after": f'{real} "$@"; kill -9 $PPID',
    }
    debian.set_program(f"#!/bin/sh\n{spoil[moment]}\n")
    child = os.fork()
    if child == 0:
        apply(operation, debian)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    debian.set_program(sound)
    assert apply(operation, debian).state == REACHED[operation]
    assert not apply(operation, debian).changed


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_a_run_that_was_killed_amid_its_refresh_is_healed_by_the_next(
    platform: ScratchPlatform, operation: str
) -> None:
    apply(OPPOSITE[operation], platform)
    step = 1
    with platform.snapshot() as restore:
        apply(operation, platform)
        expected = platform.trusted()
        restore()
        while platform.is_killed(step, lambda: apply_unseen(operation, platform)):
            outcome = apply(operation, platform)
            assert outcome.state == REACHED[operation], (step, outcome.evidence)
            assert platform.trusted() == expected, step
            assert not apply(operation, platform).changed
            restore()
            step += 1
    assert step > 3, "hardly any step was seen"
