# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the callback that loads the native roots before the first play."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.tests.playbooks.plays import Controller
from ansible_collections.anchorage.pki.tests.unit.pem_inputs import A, B

ENABLED = {"ANSIBLE_CALLBACKS_ENABLED": "anchorage.pki.native_roots"}
NOTHING = "    - debug: msg=here\n"
LOOK_UP = "    - debug: msg=\"{{ query('anchorage.pki.native_roots') | length }} roots\"\n"


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    return Controller(tmp_path, watched=True)


def test_a_run_that_is_warmed_loads_once_and_is_silent_where_all_is_well(controller: Controller) -> None:
    controller.roots.write_bytes(A + B)
    run = controller.play(LOOK_UP * 3, hosts=20, **ENABLED)
    assert run.output.count("2 roots") == 60, run.output + run.errors
    assert run.loads == 1
    assert "ative root" not in run.output + run.errors
    assert controller.left_behind() == []


def test_it_loads_although_no_task_asks(controller: Controller) -> None:
    controller.roots.write_bytes(A + B)
    run = controller.play(NOTHING, ANSIBLE_VERBOSITY="1", **ENABLED)
    assert run.loads == 1
    assert "Native roots: 2 read in" in run.output
    assert run.output.index("Native roots") < run.output.index("PLAY [all]")


def test_it_does_nothing_unless_it_is_enabled(controller: Controller) -> None:
    controller.roots.write_bytes(A)
    assert controller.play(NOTHING).loads == 0


@pytest.mark.parametrize(
    ("content", "warning"),
    [(A + B[:99], "the CERTIFICATE in line"), (b"", "No native root was found in")],
    ids=["damaged", "empty"],
)
def test_it_warns_of_a_store_that_is_not_well(controller: Controller, content: bytes, warning: str) -> None:
    controller.roots.write_bytes(content)
    run = controller.play(NOTHING, **ENABLED)
    assert run.status == 0
    assert warning in " ".join(run.errors.split())
