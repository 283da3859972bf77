# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of authority_ledger, and which of its options go with each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

STEPS = LIST, EXPORT, PRUNE, FORGET = ("list", "export", "prune", "forget")
_STEPS_OF = {
    "host": (LIST, FORGET),
    "name": (LIST,),
    "state": (LIST,),
    "ends_within_days": (LIST,),
    "search": (LIST,),
    "merge": (LIST,),
    "file": (EXPORT,),
    "reason": (FORGET,),
}


def check_arguments(arguments: Mapping[str, Any]) -> None:
    """Raise PkiError where options do not go together, or make no sense."""
    for option, steps in _STEPS_OF.items():
        if arguments[option] not in (None, "", []) and arguments["step"] not in steps:
            raise PkiError(f"{option}: goes with step={' or step='.join(steps)}. Leave it out.")
    for option in ("host", "reason"):
        if arguments["step"] == FORGET and not arguments[option].strip():
            raise PkiError(f"{option}: is empty. Say {'which host is gone' if option == 'host' else 'why it is gone'}.")
    days = arguments["ends_within_days"]
    if days is not None and not 0 < days <= 36500:
        raise PkiError(f"ends_within_days: is {days}; give 1 to 36500 days.")
