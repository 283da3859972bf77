# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The accounts of a host whose homes may hold trust stores.

A home may be on a file server that is down, or closed to root (FUSE, NFS). So root looks at homes from a child process
only, within a time limit, and where that gives no result, the user's own look decides: see homes.py.
"""

from __future__ import annotations

import os
import pwd
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.child import call_within
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.mounts import (
    TABLE,
    Mount,
    file_system_of,
    read_mounts,
)

# Seconds, for root's look at all homes.
SURVEY_TIMEOUT = 10.0
_HOMES = "Users" if sys.platform == "darwin" else "home"


@dataclass(frozen=True)
class Account:
    """A user of this host, by numbers: ``name`` may be unknown to the system."""

    name: str
    uid: int
    gid: int
    home: str


def find_accounts(
    root: str, paths: Iterable[str], timeout: float = SURVEY_TIMEOUT, mount_table: str = TABLE
) -> list[Account]:
    """All accounts, root's included, that may have one of these paths in a home of their own below ``root``. Without
    root's rights, only one's own. Each look at homes takes at most ``timeout`` seconds.

    Root only checks whether the first folder of a path exists: that saves a process for each user who has none. An
    account whose home root cannot look at is included. A home that is not mounted yet is skipped: looking would mount
    it.
    """
    own, mounts = os.geteuid(), read_mounts(mount_table)
    listed = pwd.getpwall()
    known = {_home(entry, root) for entry in listed}
    unlisted = _unlisted(os.path.join(root, _HOMES), known, mounts, timeout) if own == 0 else _looked_up([("", own)])
    accounts = [_account(entry, root) for entry in (*listed, *unlisted) if own in (0, entry.pw_uid)]
    unique = {(account.uid, account.home): account for account in reversed(accounts)}
    candidates = sorted(unique.values(), key=lambda account: (account.uid, account.name))
    candidates = [account for account in candidates if not _is_automounted(account.home, mounts)]
    return [account for account, possible in zip(candidates, _survey(candidates, paths, timeout)) if possible]


def _unlisted(homes: str, known: set[str], mounts: Sequence[Mount], timeout: float) -> list[pwd.struct_passwd]:
    """Accounts that a directory service does not list: the owners of homes, or, where an owner cannot be determined,
    the account with the home's name."""
    if _is_automounted(homes, mounts):
        return []
    paths = [os.path.join(homes, name) for name in _within(timeout, lambda: os.listdir(homes))]
    paths = [path for path in paths if path not in known and not _is_automounted(path, mounts)]
    owners = (_within(timeout, lambda: [_owner(path) for path in paths]) or [None] * len(paths)) if paths else []
    return list(_looked_up(zip(paths, owners)))


def _looked_up(owners: Iterable[tuple[str, int | None]]) -> Iterator[pwd.struct_passwd]:
    for path, uid in owners:
        try:
            yield pwd.getpwnam(os.path.basename(path)) if uid is None else pwd.getpwuid(uid)
        except KeyError:
            continue


def _owner(path: str) -> int | None:
    try:
        return os.lstat(path).st_uid
    except OSError:
        return None


def _survey(accounts: Sequence[Account], paths: Iterable[str], timeout: float) -> list[bool]:
    """For each account, whether one of the paths is, or may be, in its home, provided that the home is its own: that of
    many a service is /."""
    folders = sorted({path.split("/")[0] for path in paths})

    def look() -> list[bool]:
        return [_may_hold(account, folders) for account in accounts]

    return look() if os.geteuid() != 0 else _within(timeout, look) or [True] * len(accounts)


def _may_hold(account: Account, folders: list[str]) -> bool:
    home = account.home
    try:
        return is_own(home, account.uid) and any(os.path.lexists(os.path.join(home, folder)) for folder in folders)
    except OSError:
        return True


def is_own(home: str, uid: int) -> bool:
    """Whether it is a folder that belongs to that user. Raises OSError where that cannot be determined."""
    try:
        status = os.stat(home)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == uid


def _within(timeout: float, look: Callable[[], list[Any]]) -> list[Any]:
    """What root sees of homes; nothing where there is no answer, or an error."""
    try:
        return list(call_within(timeout, look))
    except HostError:
        return []


def _account(entry: pwd.struct_passwd, root: str) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, _home(entry, root))


def _home(entry: pwd.struct_passwd, root: str) -> str:
    return os.path.normpath(os.path.join(root, entry.pw_dir.lstrip("/")))


def _is_automounted(path: str, mounts: Sequence[Mount]) -> bool:
    """Whether a look at ``path`` would make the automounter mount it."""
    return file_system_of(path, mounts) == "autofs"
