# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing what a server was made to use: before anything names the new generation, settled once that succeeded."""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import (
    create_file,
    remove,
    staged_name,
    sync,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activated import RECORD, read_record, way_of
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import Fingerprints
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation

STAGED_RECORD = staged_name(RECORD)
_ATTRIBUTES = Attributes(0o600)
# More servers than this use no leaf; the way that was used longest ago is forgotten.
_MOST_WAYS = 16


def stage_record(folder: int, server: str, activation: Activation, generation: int, shown: Fingerprints) -> None:
    """Write what will be true of the leaf's ``folder`` once the server was reloaded, nothing without a reload.

    What a killed run left goes, and whatever else is in the place of a record. Raises OSError.
    """
    remove(folder, STAGED_RECORD)
    if not activation.reload:
        return
    _clear_place(folder)
    way, record = way_of(server, activation), read_record(folder)
    record.pop(way, None)
    kept = {**dict(list(record.items())[1 - _MOST_WAYS :]), way: (generation, shown)}
    create_file(folder, STAGED_RECORD, json.dumps(kept).encode("ascii"), _ATTRIBUTES)


def _clear_place(folder: int) -> None:
    """Remove what is no regular file and would keep the record from its place."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(RECORD, dir_fd=folder, follow_symlinks=False).st_mode):
            remove(folder, RECORD)


def settle_record(folder: int) -> None:
    """The activation has succeeded: the staged record, where there is one, is true now. Raises OSError."""
    try:
        os.rename(STAGED_RECORD, RECORD, src_dir_fd=folder, dst_dir_fd=folder)
    except FileNotFoundError:
        return
    sync(folder)
