# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user's own look into the home, which may be closed to root, or on a file server that is down."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import Account, is_own
from ansible_collections.anchorage.pki.plugins.module_utils._host.as_user import call_as
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError

SEARCH_TIMEOUT = 20.0  # seconds


def search_home(
    account: Account, function: Callable[..., list[Any]], *arguments: Any, timeout: float = SEARCH_TIMEOUT
) -> list[Any]:
    """What ``function`` finds in the account's home, run as the account, within ``timeout`` seconds.

    Nothing where the home is missing or another user's. Raises HostError where there is no answer.
    """
    return list(call_as(account, _search, account.home, account.uid, function, arguments, timeout=timeout))


def _search(home: str, uid: int, function: Callable[..., list[Any]], arguments: tuple[Any, ...]) -> list[Any]:
    try:
        return function(*arguments) if is_own(home, uid) else []
    except PermissionError:
        return []  # closed to its own user
    except OSError as error:
        raise HostError(f"{home} cannot be read: {error.strerror}.") from error
