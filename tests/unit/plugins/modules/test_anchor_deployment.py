# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of what the module says: to Ansible, which takes text alone, of files whose names may be any bytes."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust import engine as trust
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Finding
from ansible_collections.anchorage.pki.plugins.modules import anchor_deployment
from ansible_collections.anchorage.pki.tests.unit.roots import make_root
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import anchor_of

NAME = os.fsdecode(b"/home/alice/\377x.default")
ANCHOR = anchor_of(make_root("Lab root"))


def result(
    operation: str, apply: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> dict[str, Any]:
    """What Ansible gets to read."""
    monkeypatch.setattr(trust, "apply", apply)
    arguments = {"operation": operation, "name": ANCHOR.name, "certificate": "x"}
    with patch_module_args(arguments), pytest.raises(SystemExit):
        anchor_deployment.main()
    output = capsys.readouterr().out
    output.encode()
    return dict(json.loads(output))


@pytest.mark.parametrize("state", ["trusted", "failed"])
def test_names_that_are_no_text_are_escaped_wherever_they_stand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: str
) -> None:
    before, after = Finding("stale", (f"{NAME} lacks it",)), Finding(state, (f"{NAME} holds it",))
    purge = trust.Purge(ANCHOR, before, Finding("absent", (NAME,)))
    report = trust.Report("nss", NAME, f"Firefox of {NAME}", state, True, after.evidence, before, (purge,))
    found = result("install", lambda *_given, **_options: [report], monkeypatch, capsys)
    (store,) = found["stores"]
    assert store["name"] == "/home/alice/\\udcffx.default"
    assert store["evidence"] == ["/home/alice/\\udcffx.default holds it"]
    assert found["purged"][0]["stores"] == [store["name"]]
    assert "/home/alice/\\udcffx.default lacks it" in found["diff"]["before"]
    assert found.get("failed", False) is (state == "failed")
    json.dumps(found, ensure_ascii=False).encode()


def test_a_refusal_that_names_such_a_file_is_escaped_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_given: Any, **_options: Any) -> None:
        raise HostError(f"{NAME} cannot be read.")

    assert result("install", refuse, monkeypatch, capsys)["msg"] == "/home/alice/\\udcffx.default cannot be read."
