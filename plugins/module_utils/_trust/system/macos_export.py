# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trust settings of a Mac as they were, kept for a person where the collection could not put them back itself."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._macos.trust_settings import ADMIN, DOMAINS
from ansible_collections.anchorage.pki.plugins.module_utils._trust.writing import write_file

FOLDER = "Library/Application Support/anchorage"


def keep_export(home: str, domain: int, export: bytes) -> str:
    """Write a domain's export below a home, for its user alone to read.

    Returns the sentence that says where it is, and what it is for, or why it could not be written. Source of the
    command: security(1).
    """
    path = Path(home, FOLDER, f"{DOMAINS[domain]}-{hashlib.sha256(export).hexdigest()[:16]}.plist")
    try:
        write_file(path, export, Attributes(0o600))
    except (HostError, OSError) as error:
        return f"They could not be kept for that either: {error}"
    command = ["security", "trust-settings-import", str(path)]
    if domain == ADMIN:
        command = ["sudo", *command[:2], "-d", command[2]]
    return f"As they were before, they are in {path}: put them back by {shlex.join(command)}"
