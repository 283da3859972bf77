# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probes of leaves that are not touched: one look at each place, at all places at the same time.

A run waits for a server that hangs no longer than for one that answers slowly. Nothing is awaited here, as after a
reload: what is not served now is told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import Fingerprints
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    Activation,
    DeployedLeaf,
    Probe,
    ProbeFinding,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.probing import glance, look
from ansible_collections.anchorage.pki.plugins.module_utils._tls.errors import ProbeError

# Seconds until it is told that a place did not answer; and within which a look ends by itself, and leaves no program.
SECONDS = 2.0
_SECONDS_OF_A_LOOK = 1.9
_MOST_AT_ONCE = 16


def probe_once(activation: Activation, leaves: Sequence[DeployedLeaf]) -> list[tuple[Probe, ProbeFinding | str]]:
    """Look at each place where one of the leaves has to be served: what was seen, or what is wrong there."""
    deployed = {leaf.name: Fingerprints(leaf.leaf_sha256, leaf.staple_sha256) for leaf in leaves}
    sought = [(probe, deployed[probe.certificate]) for probe in activation.probes if probe.certificate in deployed]
    parts = [sought[start : start + _MOST_AT_ONCE] for start in range(0, len(sought), _MOST_AT_ONCE)]
    return [result for part in parts for result in _look_at_all(part)]


def _look_at_all(sought: Sequence[tuple[Probe, Fingerprints]]) -> list[tuple[Probe, ProbeFinding | str]]:
    """Look at these places at the same time, within the limit."""
    seen: dict[int, ProbeFinding | str] = {}
    end = time.monotonic() + _SECONDS_OF_A_LOOK

    def remaining() -> float:
        return max(0.01, end - time.monotonic())

    def look_at(number: int) -> None:
        probe, expected = sought[number]
        try:
            seen[number] = glance(probe, expected, remaining()) or look(probe, expected, remaining)
        except ProbeError as error:
            seen[number] = _unserved(probe, str(error))

    # Daemons, since nobody waits for the one that a name server keeps waiting.
    threads = [threading.Thread(target=look_at, args=(number,), daemon=True) for number in range(len(sought))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end + SECONDS - _SECONDS_OF_A_LOOK - time.monotonic()))
    return [
        (probe, seen.get(number) or _unserved(probe, f"no answer within {SECONDS:g} seconds"))
        for number, (probe, _expected) in enumerate(sought)
    ]


def _unserved(probe: Probe, reason: str) -> str:
    return f"{probe.address} port {probe.port} does not serve the deployed leaf: {reason}"
