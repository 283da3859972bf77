# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results and the diffs of authority_backup; nothing of it is secret."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.restores import Restore
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import timestamp
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup.transaction import Backup
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.restored import Entered
from ansible_collections.anchorage.pki.plugins.plugin_utils._tables import counted


def backup_result(target: Path, backup: Backup | None, now: datetime) -> dict[str, Any]:
    """That there is a backup now; None in check mode, in which none is made."""
    created = timestamp(backup.header.created_at if backup else now)
    return {
        "changed": True,
        "file": str(target),
        "created_at": created,
        "size": backup.size if backup else None,
        "files": backup.files if backup else None,
        "warnings": _key_warnings(backup) if backup else [],
        "diff": _diff(f"backup {target}", "", f"of {created}\n"),
    }


def pending_restore_result(pending: Restore | None) -> dict[str, Any]:
    """The restore after which nobody has said yet what was revoked since the backup."""
    if pending is None:
        return {"pending_restore": None}
    times = {"backed_up_at": timestamp(pending.backed_up_at), "restored_at": timestamp(pending.restored_at)}
    return {"pending_restore": times}


def restore_result(folder: Path, source: str, backup: Backup, check_mode: bool) -> dict[str, Any]:
    """That the authority is there again, or was before."""
    created = timestamp(backup.header.created_at)
    restored = f"restored from a backup of {created}\n"
    done = "was restored" if backup.was_restored else "would be restored" if check_mode else "restored"
    return {
        "changed": not backup.was_restored,
        "folder": str(folder),
        "created_at": created,
        "files": backup.files,
        "warnings": _key_warnings(backup),
        "lines": [f"{folder}: {done} from {source}{' before, and is left alone' if backup.was_restored else ''}"],
        "diff": _diff(f"authority {folder}", restored if backup.was_restored else "", restored),
    }


def entered_result(entered: Entered) -> dict[str, Any]:
    """Which revocations lists brought."""
    return {
        "revoked": [f"{serial:x}" for serial in entered.serials],
        "unknown": [f"{revoked.serial:x}" for revoked in entered.unknown],
    }


def pending_lines(restore: Restore | None, entered: Entered) -> list[str]:
    """What was entered, and what is still to be said; ``restore`` is None where that is nothing."""
    lines = []
    if entered.serials:
        lines.append(
            f"{counted(len(entered.serials), 'revocation')} entered by the published lists, of which "
            f"{len(entered.unknown)} of certificates that were issued after the backup."
        )
    if restore is not None:
        return [
            *lines,
            f"What was revoked after the backup of {restore.backed_up_at:%Y-%m-%d %H:%M} UTC is not known: nothing is "
            "signed until it is, and hosts keep what they have.",
            "Give the last list that each issuer has published:",
            '  ansible-playbook -i INVENTORY anchorage.pki.restore -e \'{"anchorage_restore_lists": ["FILE.crl"]}\'',
            "Where nothing was revoked since, or no list was ever published, say so: "
            "-e anchorage_restore_without_lists=true",
        ]
    return [*lines, "All that was revoked is known. Run anchorage.pki.site, which finds the leaves issued since."]


def _key_warnings(backup: Backup) -> list[str]:
    return [
        f"{folder} has no key, which the backup therefore lacks. Where it is kept elsewhere, keep a copy of it there."
        for folder in backup.without_key
    ]


def _diff(header: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": header, "after_header": header, "before": before, "after": after}


def lines_of_backup(result: dict[str, Any]) -> Sequence[str]:
    """A backup in a line for people."""
    if result["size"] is None:
        return [f"{result['file']}: a backup would be made"]
    return [f"{result['file']}: {counted(result['files'], 'file')}, restored once to see that it can be"]
