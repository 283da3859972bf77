# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a server comes by the staples of leaves where no pointer names their file: by the host's own responder."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS, asked_port
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


def restore_staples(destination: Destination, staged: Sequence[StagedLeaf], layout: Layout) -> str:
    """Have the responder where the leaves' former pointers ask it, and nowhere else; "", or what is not so, as a
    sentence after others."""
    if not SERVERS[destination.server].asks_responder:
        return ""
    ports = {
        destination.folder(leaf.swap.name): max(map(asked_port, leaf.swap.before.files.values()), default=0)
        for leaf in staged
    }
    asked = [folder for folder, port in ports.items() if port]
    try:
        register(asked, max(ports.values(), default=0), layout)
        release([folder for folder in ports if folder not in asked], layout)
    except (HostError, OSError) as error:
        return f" The responder for Apache's staples is not as before, which the next run of the task mends: {error}"
    return ""


def _with_responder(destination: Destination, staged: Sequence[StagedLeaf]) -> list[str]:
    """The folders of the leaves whose staples a responder hands out."""
    if not SERVERS[destination.server].asks_responder:
        return []
    return [destination.folder(leaf.swap.name) for leaf in staged if leaf.shown.staple]
