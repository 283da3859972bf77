# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a look compares a host's files with: the controller makes it once in a run, and no host has to."""

from __future__ import annotations

import hashlib

from ansible_collections.anchorage.pki.plugins.module_utils._programs.bundle import archive_sha256
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import LAYOUT, NAME, Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.service import service_unit


def digests(layout: Layout = LAYOUT) -> dict[str, str]:
    """The SHA-256 of the files that are the same on all hosts, by their names: of the programs' file what follows its
    first line. Raises HostError where the sources cannot be had."""
    units = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in service_unit(layout).items()}
    return {NAME: archive_sha256(), **units}
