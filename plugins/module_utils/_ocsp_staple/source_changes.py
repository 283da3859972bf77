# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing down where a staple comes from, and what came of attempts to get it."""

from __future__ import annotations

import json

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import replace_file
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import SOURCE
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.source import Source, read_source

_ATTRIBUTES = Attributes(0o644)


def write_source(folder: int, source: Source) -> bool:
    """Remember this in a staple's ``folder``; whether that is news. Raises OSError."""
    if read_source(folder) == source:
        return False
    replace_file(folder, SOURCE, json.dumps(source._asdict()).encode("ascii"), _ATTRIBUTES)
    return True
