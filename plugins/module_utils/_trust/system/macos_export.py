# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trust settings of a Mac as they were, kept for a person where the collection could not put them back itself."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._macos.trust_settings import ADMIN, DOMAINS

FOLDER = "Library/Application Support/anchorage"


def loss(answer: dict[str, Any]) -> str:
    """What macOS lost of others in a write, and what became of that, of the answer about the write."""
    done = "They were put back" if answer["restored"] else "They could not be put back at once"
    return (
        f"macOS lost other entries of its trust settings as it wrote them (SHA-1 {', '.join(answer['lost'])}). "
        f"{done}: run it again when nothing else changes them."
    )


def keep_export(home: str, domain: int, answer: dict[str, Any]) -> str:
    """Write a domain's export, as the answer about a write has it, below a home, for its user alone to read.

    Returns the sentence that says where it is, and what it is for, or why it could not be written. Source of the
    command: security(1).
    """
    # All of it goes with a failure, which a look does without.
    import base64
    import hashlib
    import shlex
    from pathlib import Path

    from ansible_collections.anchorage.pki.plugins.module_utils._trust.writing import write_file

    export = base64.b64decode(answer["before"])
    path = Path(home, FOLDER, f"{DOMAINS[domain]}-{hashlib.sha256(export).hexdigest()[:16]}.plist")
    try:
        write_file(path, export, Attributes(0o600))
    except (HostError, OSError) as error:
        return f"They could not be kept for that either: {error}"
    command = ["security", "trust-settings-import", str(path)]
    if domain == ADMIN:
        command = ["sudo", *command[:2], "-d", command[2]]
    return f"As they were before, they are in {path}: put them back by {shlex.join(command)}"
