# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server was last made to use of a leaf: remembered on the host, since what is deployed need not be served.

The record is written before anything names the new generation, and renamed into its place once the activation has
succeeded: then there is nothing left that a full disk could refuse.
"""

from __future__ import annotations

import json
import os
import shlex
import time
from dataclasses import asdict, dataclass

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import (
    Attributes,
    create_file,
    read_file,
    remove,
    staged_name,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import Fingerprints

RECORD = ".activated.json"
STAGED_RECORD = staged_name(RECORD)
_ATTRIBUTES = Attributes(0o600)


@dataclass(frozen=True)
class Activated:
    """A generation, what it shows to clients, and what made a server use it: the kind of ``server`` that its pointer
    file is for, and the command ``reload``, at a ``time`` in seconds since the epoch."""

    generation: int
    leaf: str
    staple: str
    server: str
    reload: tuple[str, ...]
    time: int


def stage_record(folder: int, generation: int, shown: Fingerprints, server: str, reload: tuple[str, ...]) -> None:
    """Write what will be true of the leaf's ``folder`` once the server was reloaded, nothing without a ``reload``.

    What a killed run left goes. Raises OSError.
    """
    remove(folder, STAGED_RECORD)
    if not reload:
        return
    record = Activated(generation, *shown, server, reload, int(time.time()))
    create_file(folder, STAGED_RECORD, json.dumps(asdict(record)).encode("ascii"), _ATTRIBUTES)


def settle_record(folder: int) -> None:
    """The activation has succeeded: the staged record, where there is one, is true now. Raises OSError."""
    try:
        os.rename(STAGED_RECORD, RECORD, src_dir_fd=folder, dst_dir_fd=folder)
    except FileNotFoundError:
        return
    os.fsync(folder)


def read_record(folder: int) -> Activated | None:
    """What a server was last made to use, None where nothing says so: a damaged record is as good as none."""
    try:
        entry = json.loads(read_file(folder, RECORD) or b"null")
        return Activated(**{**entry, "reload": tuple(entry["reload"])})
    except (HostError, ValueError, KeyError, TypeError):
        return None


def pending(
    record: Activated | None, generation: int, shown: Fingerprints, server: str, reload: tuple[str, ...]
) -> str:
    """Why a server still has to be made to use the deployed ``generation`` by ``reload``, "" where it was."""
    deployed = f"generation {generation} is deployed, but was not activated"
    if record is None:
        return deployed
    if (record.leaf, record.staple) != tuple(shown):
        return f"{deployed}: the server was last made to use generation {record.generation}"
    if record.server != server:
        return f"{deployed} for the server {server}"
    if record.reload != reload:
        return f"{deployed} by this task's command, but by: {shlex.join(record.reload)}"
    return ""
