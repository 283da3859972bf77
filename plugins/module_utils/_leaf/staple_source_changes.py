# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way to staples for servers that take no file, made and removed along with the leaves that need it."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.apache import asked_port
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staging import StagedLeaf
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.responder import register, release


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
