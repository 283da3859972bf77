# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The people of a host: the users who have a home of their own, where programs keep what they trust.

A home may lie on a file server that is gone, or be closed to root (FUSE, NFS). So root looks at homes from a child
process only, in limited time, and where that comes to nothing, the user's own look decides.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.as_user import Account, call_as, call_in_time
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError

MOUNTS = "/proc/self/mountinfo"
_HOMES = "home"
# Seconds for a look at all homes from without, and into one of them.
_SURVEY_PATIENCE = 10.0
_SEARCH_PATIENCE = 20.0

Mounts = list[tuple[str, str]]


def people(root: str, places: Iterable[str], timeout: float = _SURVEY_PATIENCE) -> list[Account]:
    """Everybody, root included, who may have one of these places (paths below a home) in a home of their own below
    ``root``; without root's rights, oneself. Each look at homes takes ``timeout`` seconds at most.

    Root only sees whether the first folder of a place is there: that saves a process for each user who has none. Also
    those are given of whose homes root cannot tell. A home that the automounter would have to fetch is passed by:
    looking at it would mount it.
    """
    own, mounts = os.geteuid(), _mounts()
    listed = pwd.getpwall()
    known = {_home(entry, root) for entry in listed}
    unlisted = _unlisted(os.path.join(root, _HOMES), known, mounts, timeout) if own == 0 else _looked_up([("", own)])
    accounts = [_account(entry, root) for entry in (*listed, *unlisted) if own in (0, entry.pw_uid)]
    unique = {(account.uid, account.home): account for account in reversed(accounts)}
    candidates = sorted(unique.values(), key=lambda account: (account.uid, account.name))
    candidates = [account for account in candidates if not _is_automounted(account.home, mounts)]
    return [account for account, perhaps in zip(candidates, _survey(candidates, places, timeout)) if perhaps]


def search(
    account: Account, function: Callable[..., list[Any]], *arguments: Any, timeout: float = _SEARCH_PATIENCE
) -> list[Any]:
    """What ``function`` finds in the account's home, as the account, in limited time.

    Nothing, where the home is not there or another's. Raises HostError where there is no answer.
    """
    return list(call_as(account, _search, account.home, account.uid, function, arguments, patience=timeout))


def _search(home: str, uid: int, function: Callable[..., list[Any]], arguments: tuple[Any, ...]) -> list[Any]:
    try:
        return function(*arguments) if _is_own(home, uid) else []
    except PermissionError:
        return []  # closed to its own user
    except OSError as error:
        raise HostError(f"{home} cannot be read: {error.strerror}.") from error


def _unlisted(homes: str, known: set[str], mounts: Mounts, timeout: float) -> list[pwd.struct_passwd]:
    """Those whom a directory service does not list: the owners of homes, or whoever has the home's name, where these
    cannot be told."""
    if _is_automounted(homes, mounts):
        return []
    paths = [os.path.join(homes, name) for name in _in_time(_names, homes, timeout) or []]
    paths = [path for path in paths if path not in known and not _is_automounted(path, mounts)]
    owners = (_in_time(_owners, paths, timeout) or [None] * len(paths)) if paths else []
    return list(_looked_up(zip(paths, owners)))


def _looked_up(owners: Iterable[tuple[str, int | None]]) -> Iterator[pwd.struct_passwd]:
    for path, uid in owners:
        try:
            yield pwd.getpwnam(os.path.basename(path)) if uid is None else pwd.getpwuid(uid)
        except KeyError:
            continue


def _names(folder: str) -> list[str]:
    return os.listdir(folder)


def _owners(paths: list[str]) -> list[int | None]:
    return [_owner(path) for path in paths]


def _owner(path: str) -> int | None:
    try:
        return os.lstat(path).st_uid
    except OSError:
        return None


def _survey(accounts: Sequence[Account], places: Iterable[str], timeout: float) -> list[bool]:
    """Of each, whether one of the places is, or may be, in a home that is no other's, as is the / of many a service."""
    folders = sorted({place.split("/")[0] for place in places})
    homes = [(account.home, account.uid, folders) for account in accounts]
    if os.geteuid() != 0:
        return _perhaps(homes)
    return _in_time(_perhaps, homes, timeout) or [True] * len(accounts)


def _perhaps(homes: list[tuple[str, int, list[str]]]) -> list[bool]:
    return [_may_hold(*home) for home in homes]


def _may_hold(home: str, uid: int, folders: list[str]) -> bool:
    try:
        return _is_own(home, uid) and any(os.path.lexists(os.path.join(home, folder)) for folder in folders)
    except OSError:
        return True


def _is_own(home: str, uid: int) -> bool:
    """Whether it is a folder of that user's. Raises OSError where that cannot be told."""
    try:
        status = os.stat(home)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == uid


def _in_time(function: Callable[..., list[Any]], argument: Any, timeout: float) -> list[Any]:
    """What root sees of homes; nothing where no answer comes, or an error."""
    try:
        return list(call_in_time(function, argument, patience=timeout))
    except HostError:
        return []


def _account(entry: pwd.struct_passwd, root: str) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, _home(entry, root))


def _home(entry: pwd.struct_passwd, root: str) -> str:
    return os.path.normpath(os.path.join(root, entry.pw_dir.lstrip("/")))


def _is_automounted(path: str, mounts: Mounts) -> bool:
    """Whether a look at ``path`` would have the automounter mount it. See proc_pid_mountinfo(5)."""
    file_system = ""
    longest = 0
    for point, kind in mounts:
        covers = point == "/" or path == point or path.startswith(point + "/")
        if covers and len(point) >= longest:  # of several mounts at one point, the last one is on top
            longest, file_system = len(point), kind
    return file_system == "autofs"


def _mounts() -> Mounts:
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
