# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of an anchor in a system store in which not all is as trust needs it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import ABSENT, STALE, TRUSTED, Finding
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.checks import Check
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import Platform


def judge(platform: Platform, found: Sequence[Check], checks: Sequence[Check], blocked: str) -> Finding:
    """What ``checks`` show, of which those ``found`` are of the sources; ``blocked`` is where the anchor is distrusted,
    "" for nowhere."""
    evidence = tuple(check.sentence for check in checks)
    if blocked:
        # A bundle for OpenSSL lists what is distrusted, too, as such.
        trace = any(check.trace for check in checks if ".trust.crt" not in check.sentence)
        return Finding(STALE if trace else ABSENT, evidence, blocked)
    mark = _deferred(platform)
    if mark and all(check.sound for check in found):
        return Finding(TRUSTED, (f"{mark} defers trust to the next boot", *evidence), awaits="the next boot")
    if mark and not any(check.trace for check in found):
        return Finding(ABSENT, (f"{mark} defers removal to the next boot", *evidence), awaits="the next boot")
    return Finding(STALE if any(check.trace for check in checks) else ABSENT, evidence)


def _deferred(platform: Platform) -> str:
    """The file by which the refresh command leaves its work to the next boot, where it does that."""
    variable, mark = platform.layout.deferral
    return platform.path(mark) if variable in os.environ and os.path.exists(platform.path(mark)) else ""
