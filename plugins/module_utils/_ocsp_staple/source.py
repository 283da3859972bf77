# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a staple comes from: the certificate that it is for, and how often it could not be had. A file in the staple's
folder remembers that, so that no other record is needed than the one that is where the staple is."""

from __future__ import annotations

import json

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import read_file
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import SOURCE


class Source(NamedTuple):
    """The path of the certificate, and what is known of attempts to get its staple, as in DeployedStaple."""

    certificate: str = ""
    failures: int = 0
    failure: str = ""
    next_attempt: int = 0


def read_source(folder: int | None) -> Source:
    """What is remembered in a staple's ``folder``; nothing where that is missing or damaged. Raises OSError."""
    if folder is None:
        return Source()
    try:
        entries = json.loads(read_file(folder, SOURCE) or b"{}")
        return Source(
            str(entries["certificate"]),
            max(0, int(entries["failures"])),
            str(entries["failure"]),
            max(0, int(entries["next_attempt"])),
        )
    except (HostError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return Source()
