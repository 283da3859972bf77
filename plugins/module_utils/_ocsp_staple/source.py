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
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import LATEST_MOMENT
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import LARGEST_NUMBER


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
        failures, next_attempt = int(entries["failures"]), int(entries["next_attempt"])
        if not (0 <= failures <= LARGEST_NUMBER and 0 <= next_attempt <= LATEST_MOMENT):
            return Source()
        return Source(str(entries["certificate"]), failures, str(entries["failure"]), next_attempt)
    except (HostError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return Source()
