# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of an activation: written before anything names a new generation, removed once it is settled.

While it exists the new generations are unconfirmed. A run that finds one left over (kill -9, power cut) points back to
what was before, as the run that wrote it would have done.
"""

from __future__ import annotations

import json
import os
import re

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import read_file
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import JOURNAL
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import Pointing

_JOURNAL = re.compile(rf"{re.escape(JOURNAL)}.+\.json")


@dataclass(frozen=True)
class Swap:
    """One leaf's step from ``former`` (0 for none) to ``generation``, the same where only pointers are repaired."""

    name: str
    former: int
    generation: int
    before: Pointing


def read_journals(folder: int) -> dict[str, list[Swap]]:
    """The unsettled activations by the name of their journal's file. Raises HostError for a damaged journal."""
    names = [name for name in os.listdir(folder) if _JOURNAL.fullmatch(name)]
    return {name: _parse(name, read_file(folder, name)) for name in sorted(names)}


def _parse(file_name: str, content: bytes | None) -> list[Swap]:
    try:
        return [_swap(entry) for entry in json.loads(content or b"")]
    except (ValueError, KeyError, TypeError) as error:
        raise HostError(
            f"{file_name} in the destination is damaged: make sure that the server's files are as they should be, "
            "remove it and run the task again."
        ) from error


def _swap(entry: dict[str, Any]) -> Swap:
    """Raises KeyError, TypeError or ValueError for what :func:`write_journal` never wrote."""
    before = Pointing(entry["before"]["current"], dict(entry["before"]["files"]))
    return Swap(entry["name"], int(entry["former"]), int(entry["generation"]), before)


def unsettled(journals: dict[str, list[Swap]]) -> dict[str, Swap]:
    """The unsettled swap of each leaf that has one."""
    return {swap.name: swap for swaps in journals.values() for swap in swaps}
