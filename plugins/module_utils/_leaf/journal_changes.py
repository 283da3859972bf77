# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing the journal of an activation, and removing it once that is settled."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import remove, replace_file, sync
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import JOURNAL
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import Swap

_ATTRIBUTES = Attributes(0o600)


def write_journal(folder: int, swaps: list[Swap]) -> str:
    """Write the journal of one activation into the destination and return its file's name. Raises OSError."""
    # Leaves of one journal are in no other one, so the first of them makes the name unique.
    file_name = f"{JOURNAL}{min(swap.name for swap in swaps)}.json"
    content = json.dumps([{**vars(swap), "before": vars(swap.before)} for swap in swaps])
    replace_file(folder, file_name, content.encode("ascii"), _ATTRIBUTES)
    return file_name


def remove_journals(folder: int, file_names: list[str]) -> None:
    """Settle activations. Raises OSError."""
    for file_name in file_names:
        remove(folder, file_name)
    sync(folder)


def forget_swaps(folder: int, journals: Mapping[str, Sequence[Swap]], name: str) -> None:
    """Have these ``journals`` say nothing of the leaf ``name`` any more. Raises OSError."""
    for file_name, swaps in journals.items():
        others = [swap for swap in swaps if swap.name != name]
        if len(others) < len(swaps):
            # First, so that a run that is killed in between forgets nothing.
            kept = write_journal(folder, others) if others else ""
            remove_journals(folder, [file_name] if file_name != kept else [])
