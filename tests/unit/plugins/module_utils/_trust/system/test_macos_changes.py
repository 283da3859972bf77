# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of trust settings where macOS exports what nobody expects, which the double of its libraries does not."""

from __future__ import annotations

import base64
import plistlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import Mac
from ansible_collections.anchorage.pki.plugins.module_utils._macos.trust_settings import ADMIN
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import macos_changes
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_changes import Changes

DER = b"a certificate"


@pytest.mark.parametrize(
    "change", [lambda made: made.trust(DER), lambda made: made.remove([DER])], ids=["trusted", "removed"]
)
@pytest.mark.parametrize(
    "export",
    [b"", b"<plist>", plistlib.dumps({"trustVersion": 2}), plistlib.dumps([]), plistlib.dumps({"trustList": 1})],
)
def test_nothing_is_written_where_nobody_could_see_what_was_lost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: Callable[[Changes], object], export: bytes
) -> None:
    asked = []

    def ask(_mac: Mac, operation: str, _arguments: dict[str, Any], _timeout: float) -> dict[str, Any]:
        asked.append(operation)
        return {"failure": None, "export": base64.b64encode(export).decode(), "held": []}

    monkeypatch.setattr(macos_changes, "ask", ask)
    changes = Changes(Mac((15,)), ADMIN, "System.keychain", str(tmp_path), False, True, 1.0, 1.0)
    with pytest.raises(HostError, match="in a form that is not known"):
        change(changes)
    assert asked == ["export_settings"]
