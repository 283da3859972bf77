# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A root is written to a Mac's trust settings and taken away again; or macOS refuses, which is no success of a test.

With ANCHORAGE_SECURITY=real this goes to the very Mac that runs the tests: to the administrator's settings as root, and
to the user's own otherwise. What macOS refuses there is reported as an expected failure that begins with "refused".
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import this_mac
from ansible_collections.anchorage.pki.plugins.module_utils._trust import engine
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import Finder, Kind
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos import FRAMEWORK, MacStore
from ansible_collections.anchorage.pki.tests.unit.macs import needs_double, needs_real
from ansible_collections.anchorage.pki.tests.unit.scratch_host import ANCHOR
from ansible_collections.anchorage.pki.tests.unit.scratch_trust_settings import ScratchTrustSettings

PATIENCE = 20.0  # seconds for a person, whom a test does not have
REFUSED = ("unavailable", "needs_user")


class Host(Protocol):
    """A Mac with its one kind of store."""

    settings: Settings
    table: list[Kind]

    def content(self) -> object:
        """All trust settings, to be compared."""


class ThisMac:
    """The Mac that runs the tests."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.table = [Kind("system", (Finder(self._stores, lambda: ["nothing"], [FRAMEWORK]),))]

    @staticmethod
    def _stores(settings: Settings) -> list[MacStore]:
        return [MacStore(this_mac(), settings, os.geteuid(), str(Path.home()), patience=PATIENCE)]

    def content(self) -> list[bytes]:
        """What Apple's own tool says of the settings of the user and of the administrator."""
        command = ["/usr/bin/security", "dump-trust-settings"]
        return [subprocess.run([*command, *domain], capture_output=True, check=False).stdout for domain in ([], ["-d"])]


def write_and_remove(host: Host) -> str:
    """Why macOS refuses to trust a root, nothing being changed then; "" where it was written, proved and removed."""
    before, request = host.content(), Request("install", ANCHOR, ("system",))
    try:
        [written] = engine.apply(request, host.settings, False, host.table)
        if written.state in REFUSED:
            assert (written.changed, host.content()) == (False, before)
            return f"refused: {written.evidence[0]}"
        assert (written.state, written.changed) == ("trusted", True), written.evidence
        assert "an evaluation by the basic X.509 policy accepts it" in written.evidence
    finally:  # where there is nothing to be removed, nobody is asked
        [removed] = engine.apply(replace(request, operation="remove"), host.settings, False, host.table)
    # The last entry of the administrator's is not removed unattended.
    assert removed.state in ("absent", *REFUSED), removed.evidence
    assert removed.state != "absent" or host.content() == before
    return ""


@needs_real
def test_this_mac_trusts_a_root_or_refuses() -> None:
    refusal = write_and_remove(ThisMac())
    if refusal:
        pytest.xfail(refusal)


@needs_double
@pytest.mark.parametrize(
    ("host", "refusal"),
    [
        ({"sip": "off"}, ""),
        ({"sip": "on"}, "-60007"),
        ({"sip": "on", "gui": "on", "person": "cancel"}, "-60006"),
        ({"root": "off"}, "-60007"),
    ],
    ids=["written", "refused", "canceled", "user"],
)
def test_a_refusal_is_no_success(tmp_path: Path, host: dict[str, str], refusal: str) -> None:
    answer = write_and_remove(ScratchTrustSettings(tmp_path / "host", **host))
    assert answer.startswith("refused: ") is bool(refusal)
    assert refusal in answer


@needs_double
def test_what_was_written_goes_where_the_test_fails_in_the_middle(tmp_path: Path) -> None:
    """It is no proof of trust, and whoever confirmed it cancels that the store takes it back."""
    host = ScratchTrustSettings(tmp_path / "host", gui="on", person="allow")
    before = host.content()
    host.double.order("SecTrustEvaluateWithError", "-", -67843, 3)
    host.double.order("SecTrustSettingsRemoveTrustSettings", "admin", -60006, 1)
    with pytest.raises(AssertionError, match="After the refresh it is stale, not trusted"):
        write_and_remove(host)
    assert (host.called("SecTrustSettingsSetTrustSettings"), host.content()) == (1, before)
