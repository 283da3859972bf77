# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The people of a host: the users who log in and have a home of their own, where programs keep what they trust."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils.as_user import Account

MOUNTS = "/proc/self/mountinfo"
_NO_SHELLS = frozenset({"nologin", "false", "sync", "halt", "shutdown"})
_HOMES = "home"


def people(root: str) -> list[Account]:
    """Everybody whose home below ``root`` is there and their own, root included; without root's rights, oneself.

    A home that the automounter would have to fetch is passed by: looking at it would mount it.
    """
    own = os.geteuid()
    entries = [entry for entry in _entries(root) if own in (0, entry.pw_uid)]
    return [
        account
        for account in (_account(entry, root) for entry in entries)
        if not _is_automounted(account.home) and _is_own(account)
    ]


def _entries(root: str) -> list[pwd.struct_passwd]:
    """Those of the user database who may log in. A directory service may list nobody: the owners of homes are added."""
    entries = {entry.pw_uid: entry for entry in reversed(pwd.getpwall())}
    for uid in _owners(Path(root, _HOMES)) - set(entries):
        try:
            entries[uid] = pwd.getpwuid(uid)
        except KeyError:
            continue
    users = [entries[uid] for uid in sorted(entries)]
    return [entry for entry in users if os.path.basename(entry.pw_shell) not in _NO_SHELLS]


def _owners(homes: Path) -> set[int]:
    if not homes.is_dir() or _is_automounted(str(homes)):
        return set()
    return {home.lstat().st_uid for home in homes.iterdir() if not _is_automounted(str(home))}


def _account(entry: pwd.struct_passwd, root: str) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, os.path.join(root, entry.pw_dir.lstrip("/")))


def _is_own(account: Account) -> bool:
    """Whether the home is there and no other's, such as the / of many a service."""
    try:
        return os.path.isdir(account.home) and os.stat(account.home).st_uid == account.uid
    except OSError:
        return False


def _is_automounted(path: str) -> bool:
    """Whether a look at ``path`` would have the automounter mount it. See proc_pid_mountinfo(5)."""
    file_system = ""
    longest = 0
    for point, kind in _mounts():
        covers = point == "/" or path == point or path.startswith(point + "/")
        if covers and len(point) >= longest:  # of several mounts at one point, the last one is on top
            longest, file_system = len(point), kind
    return file_system == "autofs"


def _mounts() -> list[tuple[str, str]]:
    """Mount points and their kinds of file system, where the system tells."""
    try:
        lines = Path(MOUNTS).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return []
    halves = [line.split(" - ", 1) for line in lines]
    return [(_plain(left.split()[4]), right.split()[0]) for left, right in halves]


def _plain(point: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(code, character)
    return point
