# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of authority_rotation, and which of its options go with each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import COMPROMISED
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

STEPS = STATUS, BEGIN, CONTINUE, ABORT, LEAVE_OUT, WAIT_FOR = (
    "status",
    "begin",
    "continue",
    "abort",
    "leave_out",
    "wait_for",
)
_STEPS_OF = {
    "compromised": (BEGIN,),
    "reason": (BEGIN, LEAVE_OUT),
    "host": (LEAVE_OUT, WAIT_FOR),
    "overlap_days": (BEGIN, CONTINUE),
}
# In days, the least and the most. What this very run has seen has to count, and is entered again once a day.
_BOUNDS = {"overlap_days": (0, 3650), "proof_days": (2, 3650)}


def check_arguments(arguments: Mapping[str, Any]) -> None:
    """Raise PkiError where options contradict one another, or make no sense."""
    for option, steps in _STEPS_OF.items():
        if _is_given(arguments[option]) and arguments["step"] not in steps:
            raise PkiError(f"{option}: goes with step={' or step='.join(steps)}. Leave it out.")
    if arguments["compromised"] and arguments["reason"]:
        raise PkiError("reason: compromised is the reason already. Leave one of them out.")
    if arguments["step"] == BEGIN and arguments["reason"] == COMPROMISED:
        raise PkiError(f"reason: {COMPROMISED!r} stands for an emergency. Say compromised=true, or use other words.")
    if arguments["step"] == LEAVE_OUT and not arguments["reason"].strip():
        raise PkiError("reason: is empty. Say why the host is not waited for: the status shows it until the end.")
    for option, (least, most) in _BOUNDS.items():
        if arguments[option] is not None and not least <= arguments[option] <= most:
            raise PkiError(f"{option}: is {arguments[option]}; give {least} to {most} days.")


def _is_given(value: object) -> bool:
    """Whether an option says anything, as 0 days do."""
    return value not in (None, "") and value is not False
