# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trust settings of a Mac as they were, kept on the disk while they are changed, and for a person afterwards where
nobody could see that nothing was lost."""

from __future__ import annotations

import hashlib
import shlex
import time
from contextlib import suppress
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._macos.trust_settings import ADMIN, DOMAINS
from ansible_collections.anchorage.pki.plugins.module_utils._trust.writing import write_file


def keep_export(folder: str, domain: int, export: bytes) -> Path:
    """Write a domain's export to a folder, for its user alone to read: the file. Raises HostError."""
    path = Path(folder, f"{DOMAINS[domain]}-{hashlib.sha256(export).hexdigest()[:16]}.plist")
    try:
        write_file(path, export, Attributes(0o600))
    except (HostError, OSError) as error:
        raise HostError(f"The trust settings cannot be kept as they are, and so are not changed: {error}") from error
    return path


def drop_export(path: Path) -> None:
    """Remove a file that nobody needs any more, and its folder with the last one."""
    with suppress(OSError):
        path.unlink()
        path.parent.rmdir()


def way_back(domain: int, path: Path) -> str:
    """The sentence that says where a domain's settings are as they were, and what they are for. Source of the command:
    security(1)."""
    command = ["security", "trust-settings-import", str(path)]
    if domain == ADMIN:
        command = ["sudo", *command[:2], "-d", command[2]]
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(path.stat().st_mtime))
    return (
        f"As they were before, at {since}, they are in {path}: put them back by {shlex.join(command)}, which replaces "
        "all that was changed since."
    )


def ways_back(folder: str, domain: int) -> list[str]:
    """Such a sentence for each file that former runs have left."""
    found = sorted(Path(folder).glob(f"{DOMAINS[domain]}-*.plist"))
    return [f"a former run could not see what became of trust settings. {way_back(domain, path)}" for path in found]
