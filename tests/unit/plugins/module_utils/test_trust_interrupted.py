# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of runs that are killed at each of their steps, and of the run after them.

A process is killed by itself, before the n-th event that changes something; or amid the refresh, by the command.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils import trust
from ansible_collections.anchorage.pki.tests.unit.roots import make_root
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import PROGRAM, ScratchDebian, anchor_of

pytestmark = pytest.mark.skipif(
    not os.path.exists(PROGRAM) or shutil.which("openssl") is None,
    reason="needs Debian's packages ca-certificates and openssl",
)

ANCHOR = anchor_of(make_root("Lab root"))
CHANGES = {"os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "subprocess.Popen"}
REACHED = {"install": "trusted", "remove": "absent"}


@pytest.fixture
def host(tmp_path: Path) -> ScratchDebian:
    return ScratchDebian(tmp_path / "host")


def apply(operation: str, host: ScratchDebian) -> trust.Report:
    (report,) = trust.apply(operation, ANCHOR, kinds=["system"], root=str(host.root))
    return report


def is_killed(operation: str, host: ScratchDebian, event: int) -> bool:
    """Apply in a process of its own, killed before its n-th change; False where it has fewer of them."""
    child = os.fork()
    if child == 0:
        count = 0

        def kill(name: str, arguments: tuple[Any, ...]) -> None:
            nonlocal count
            writes = name == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
            changes = name in CHANGES or bool(writes)
            count += changes
            if changes and count == event:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill)
        apply(operation, host)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_a_run_that_was_killed_anywhere_is_healed_by_the_next(host: ScratchDebian, operation: str) -> None:
    opposite = {"install": "remove", "remove": "install"}[operation]
    apply(opposite, host)
    event = 1
    while is_killed(operation, host, event):
        report = apply(operation, host)
        assert report.state == REACHED[operation], (event, report.evidence)
        assert not [path for path in host.anchors.iterdir() if path.name.endswith(".new")]
        assert not apply(operation, host).changed
        apply(opposite, host)
        event += 1
    assert event > 4, "hardly any step was seen"


@pytest.mark.parametrize("operation", ["install", "remove"])
@pytest.mark.parametrize("moment", ["before", "amid", "after"])
def test_a_run_that_was_killed_by_its_refresh_is_healed(host: ScratchDebian, operation: str, moment: str) -> None:
    if operation == "remove":
        apply("install", host)
    sound = host.program.read_text()
    real = host.root / "real"
    real.write_text(sound)
    real.chmod(0o755)
    spoil = {
        "before": "kill -9 $PPID; exit",
        "amid": f"find {host.links} -type l -delete; kill -9 $PPID; exit",
        "after": f'{real} "$@"; kill -9 $PPID',
    }
    host.set_program(f"#!/bin/sh\n{spoil[moment]}\n")
    child = os.fork()
    if child == 0:
        apply(operation, host)
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    host.set_program(sound)
    assert apply(operation, host).state == REACHED[operation]
    assert not apply(operation, host).changed
