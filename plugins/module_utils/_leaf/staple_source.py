# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a server comes by the staples of leaves where no pointer names their file: by the host's own responder.

What knows the responder is imported where there is one, or has to be.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import (
    RESPONDER_PLACES,
    Layout,
    entry_name,
    read_entry,
)


def check_staples(destination: Destination, names: Sequence[str], layout: Layout) -> None:
    """Raise HostError where the server could not get the staples of the leaves ``names``. Changes nothing."""
    if names and SERVERS[destination.server].asks_responder:
        from ansible_collections.anchorage.pki.plugins.module_utils._programs.responder import check_responder

        check_responder([destination.folder(name) for name in names], destination.responder_port, layout)


def staple_drift(destination: Destination, name: str, stapled: bool, layout: Layout) -> list[str]:
    """One sentence for each part of the way to the leaf's staple that is not as it should be."""
    folder, wanted = destination.folder(name), stapled and SERVERS[destination.server].asks_responder
    if not wanted and not _is_known(folder, layout):
        return []
    from ansible_collections.anchorage.pki.plugins.module_utils._programs.responder import responder_drift

    return responder_drift(folder, wanted, destination.responder_port, layout)


def _is_known(leaf_folder: str, layout: Layout) -> bool:
    """Whether a responder answers for the leaf. Root alone could change that."""
    return os.geteuid() == 0 and read_entry(RESPONDER_PLACES, entry_name(leaf_folder), layout) is not None
