# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a server comes by the staples of leaves where no pointer names their file: by the host's own responder."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staging import StagedLeaf
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.responder import (
    check_responder,
    register,
    release,
    responder_drift,
)


def check_staples(destination: Destination, names: Sequence[str], layout: Layout) -> None:
    """Raise HostError where the server could not get the staples of the leaves ``names``. Changes nothing."""
    if names and SERVERS[destination.server].asks_responder:
        check_responder([destination.folder(name) for name in names], destination.responder_port, layout)


def staple_drift(destination: Destination, name: str, stapled: bool, layout: Layout) -> list[str]:
    """One sentence for each part of the way to the leaf's staple that is not as it should be."""
    wanted = stapled and SERVERS[destination.server].asks_responder
    return responder_drift(destination.folder(name), wanted, destination.responder_port, layout)


def provide_staples(destination: Destination, staged: Sequence[StagedLeaf], layout: Layout) -> bool:
    """Have what the staged leaves need, before a server is told of them; whether anything changed.

    Raises HostError, OSError.
    """
    return register(_with_responder(destination, staged), destination.responder_port, layout)


def retire_staples(destination: Destination, staged: Sequence[StagedLeaf], layout: Layout) -> bool:
    """Remove what those leaves no longer need; whether anything changed. Raises HostError, OSError."""
    needed = _with_responder(destination, staged)
    every = [destination.folder(leaf.swap.name) for leaf in staged]
    return bool(release([folder for folder in every if folder not in needed], layout))


def _with_responder(destination: Destination, staged: Sequence[StagedLeaf]) -> list[str]:
    """The folders of the leaves whose staples a responder hands out."""
    if not SERVERS[destination.server].asks_responder:
        return []
    return [destination.folder(leaf.swap.name) for leaf in staged if leaf.shown.staple]
