# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a leaf that is deployed is also served: what a server was last made to use, and what probes see now."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activated import Activated, pending
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import Fingerprints
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    Activation,
    DeployedLeaf,
    Probe,
    ProbeFinding,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.probing import look
from ansible_collections.anchorage.pki.plugins.module_utils._tls.probe import ProbeError

# Seconds for one look at a server of which nothing was changed.
_LONGEST_LOOK = 2.0
_MOST_AT_ONCE = 16


def probe_once(probes: Sequence[Probe], leaves: Sequence[DeployedLeaf]) -> list[tuple[Probe, ProbeFinding | str]]:
    """Look at each place where one of the leaves has to be served, at all places at the same time: what was seen, or
    what is wrong there."""
    deployed = {leaf.name: Fingerprints(leaf.leaf_sha256, leaf.staple_sha256) for leaf in leaves}
    sought = [probe for probe in probes if probe.certificate in deployed]
    if not sought:
        return []

    def look_once(probe: Probe) -> tuple[Probe, ProbeFinding | str]:
        try:
            return probe, look(probe, deployed[probe.certificate], _LONGEST_LOOK)
        except ProbeError as error:
            return probe, f"{probe.address} port {probe.port} does not serve it: {error}"

    with ThreadPoolExecutor(min(len(sought), _MOST_AT_ONCE)) as pool:
        return list(pool.map(look_once, sought))


def unserved(
    leaf: DeployedLeaf,
    record: Activated | None,
    server: str,
    activation: Activation,
    seen: Sequence[tuple[Probe, ProbeFinding | str]],
) -> tuple[str, ...]:
    """Why ``activation`` has to be carried out again for the leaf, a sentence for each reason, none where it is served.

    Where nothing says what a server was made to use, probes that see the leaf served are proof enough.
    """
    results = [result for probe, result in seen if probe.certificate == leaf.name]
    if failures := tuple(result for result in results if isinstance(result, str)):
        return failures
    if record is None and results:
        return ()
    shown = Fingerprints(leaf.leaf_sha256, leaf.staple_sha256)
    reason = pending(record, leaf.generation, shown, server, activation.reload)
    return (reason,) if reason else ()


def findings(seen: Sequence[tuple[Probe, ProbeFinding | str]]) -> tuple[ProbeFinding, ...]:
    """What the probes saw that is as it should be."""
    return tuple(result for _probe, result in seen if isinstance(result, ProbeFinding))
