# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of what the module says: to Ansible, which takes text alone, of files whose names may be any bytes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import Kind
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Finding
from ansible_collections.anchorage.pki.plugins.modules import anchor_deployment
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.results import trust_result
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ANCHOR, OTHER, ScratchHost
from ansible_collections.anchorage.pki.tests.unit.stub_stores import StubStore, kind_of

NAME = os.fsdecode(b"/home/alice/\377x.default")
SHOWN = "/home/alice/\\udcffx.default"


class FullStore(StubStore):
    """It has both anchors, and loses the former one."""

    readers = f"Firefox of {NAME}"

    def __init__(self, state: str) -> None:
        super().__init__(NAME)
        self.former, self.state = Finding("stale", (f"{NAME} lacks it",)), state

    def inspect(self, anchor: Any) -> Finding:
        return self.former if anchor == OTHER else Finding(self.state, (f"{NAME} holds it",))

    def remove(self, anchors: Any) -> None:
        self.former = Finding("absent", (NAME,))


def result(kind: Kind, folder: Path, capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    """What Ansible gets to read of an installation."""
    anchor, former = ({"name": each.name, "pem": each.pem} for each in (ANCHOR, OTHER))
    given = {"operation": "install", "anchor": anchor, "superseded": [former], "stores": ["nss"], **arguments}
    with patch_module_args(given), pytest.raises(SystemExit):
        anchor_deployment.main(ScratchHost(folder).settings, [kind])
    output = capsys.readouterr().out
    output.encode()
    return dict(json.loads(output))


@pytest.mark.parametrize("state", ["trusted", "failed"])
def test_names_that_are_no_text_are_escaped_wherever_they_stand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], state: str
) -> None:
    found = result(kind_of(FullStore(state)), tmp_path, capsys)
    (store,) = found["stores"]
    assert store["name"] == SHOWN
    assert store["evidence"] == [f"{SHOWN} holds it"]
    assert found.get("failed", False) is (state == "failed")
    json.dumps(found, ensure_ascii=False).encode()
    if state == "trusted":
        shown = trust_result(found)
        assert shown["purged"] == [{"sha256": OTHER.sha256, "stores": [SHOWN]}]
        assert f"{SHOWN} lacks it" in shown["diff"]["before"]


def test_a_refusal_that_names_such_a_file_is_escaped_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = StubStore(inspect=HostError(f"{NAME} cannot be read."))
    found = result(kind_of(store), tmp_path, capsys)
    assert found["msg"] == f"stub: {SHOWN} cannot be read."


def test_a_lock_that_cannot_be_taken_is_reported_in_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / os.path.basename(NAME)
    ScratchHost(folder).lock.mkdir()
    found = result(kind_of(FullStore("trusted")), folder, capsys)
    assert found["msg"].startswith(f"The lock {tmp_path}/{os.path.basename(SHOWN)}/var/run/")


def test_without_any_store_the_module_fails_and_lists_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = result(kind_of(), tmp_path, capsys)
    assert (found["failed"], found["stores"]) == (True, [])
    assert found["msg"] == "This host has no trust store that is known here. Looked for: nothing."


@pytest.mark.parametrize("name", ["", "../x", "Root", "a b"])
def test_a_name_that_some_store_could_not_take_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    found = result(kind_of(), tmp_path, capsys, anchor={"name": name, "pem": ANCHOR.pem})
    assert found["msg"] == "name: only lower-case letters, digits and hyphens can name an anchor in every store."
