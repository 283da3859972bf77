# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of the names of a generation is not as it should be."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import CURRENT, POINTER_FILES, Pointing
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import WRITTEN


def pointing_drift(present: Pointing, wanted: Pointing) -> list[str]:
    """One sentence for each part of ``wanted`` that is not ``present``."""
    drift = []
    if present.current != wanted.current:
        drift.append(f"{CURRENT} names {present.current or 'nothing'}, not {wanted.current}")
    for file in POINTER_FILES:
        if present.files.get(file.name) == wanted.files.get(file.name):
            continue
        if file.name not in wanted.files:
            if not present.files[file.name].startswith(WRITTEN):
                continue  # the user's own
            drift.append(f"{file.name} is left over from another choice of server")
        elif file.name not in present.files:
            drift.append(f"{file.name} is missing")
        else:
            drift.append(f"{file.name} was changed")
    return drift
