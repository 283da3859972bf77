# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes of trust settings where Apple's libraries do what nobody expects, which the double of them does not."""

from __future__ import annotations

import binascii
import plistlib
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._macos import anchor
from ansible_collections.anchorage.pki.plugins.module_utils._macos.core_foundation import Owned

DER = binascii.b2a_base64(b"a certificate", newline=False).decode()
ADMIN, KEYCHAIN, PATIENCE = 1, "/Library/Keychains/System.keychain", 30.0
SETTINGS = plistlib.dumps({"trustList": {"00": {}}, "trustVersion": 1})


class Unexpected:
    """Changes that are noted, with an export of a test's own; trust cannot be set."""

    def __init__(self, exported: bytes) -> None:
        self.exported, self.calls = exported, list[str]()

    def __call__(self, _security: object) -> Unexpected:
        return self

    def __getattr__(self, name: str) -> Any:
        def called(*_arguments: object) -> bool:
            self.calls.append(name)
            return False

        return called

    def certificate(self, _der: bytes) -> Owned:
        return Owned(lambda _: None, 1)

    def export(self, _domain: int) -> bytes:
        return self.exported

    def trust(self, _certificate: int, _domain: int) -> None:
        raise RuntimeError("unexpected")


def install(security: Any) -> dict[str, Any]:
    return anchor.install_anchor(security, DER, ADMIN, KEYCHAIN, PATIENCE)


def remove(security: Any) -> dict[str, Any]:
    return anchor.remove_anchors(security, [DER], ADMIN, KEYCHAIN, True, False, PATIENCE)


@pytest.mark.parametrize("change", [install, remove])
@pytest.mark.parametrize(
    "exported",
    [b"", b"<plist>", plistlib.dumps({"trustVersion": 2}), plistlib.dumps([]), plistlib.dumps({"trustList": 1})],
)
def test_nothing_is_written_where_nobody_could_see_what_was_lost(
    monkeypatch: pytest.MonkeyPatch, change: Any, exported: bytes
) -> None:
    changing = Unexpected(exported)
    monkeypatch.setattr(anchor, "Changing", changing)
    failure = {"code": None, "message": "macOS exports the trust settings in a form that is not known"}
    assert change(None)["failure"] == failure
    assert changing.calls == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_write_that_breaks_off_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchor, "Changing", Unexpected(SETTINGS))
    answer = install(None)
    assert "broke off" in answer["failure"]["message"]
    assert (answer["written"], answer["waited"]) == (False, False)
