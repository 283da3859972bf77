# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a leaf that is deployed is also served: what a server was last made to use, and what probes see now."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._leaf import messages
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activated import Record, pending
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import Fingerprints


def unserved(
    leaf: messages.DeployedLeaf,
    record: Record,
    server: str,
    activation: messages.Activation,
    seen: Sequence[tuple[messages.Probe, messages.ProbeFinding | str]],
) -> tuple[str, ...]:
    """Why ``activation`` has to be carried out again for the leaf, a sentence for each reason, none where it is served.

    Where probes see the leaf served, that is proof enough, whatever the record says.
    """
    results = [result for probe, result in seen if probe.certificate == leaf.name]
    if failures := tuple(result for result in results if isinstance(result, str)):
        return failures
    if results or leaf.withdrawn:  # servers were reloaded by what withdrew the staple
        return ()
    shown = Fingerprints(leaf.leaf_sha256, leaf.staple_sha256)
    reason = pending(record, server, activation, leaf.generation, shown)
    return (reason,) if reason else ()


def findings(seen: Sequence[tuple[messages.Probe, messages.ProbeFinding | str]]) -> tuple[messages.ProbeFinding, ...]:
    """What the probes saw that is as it should be."""
    return tuple(result for _probe, result in seen if isinstance(result, messages.ProbeFinding))
