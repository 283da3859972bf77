# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one family of errors that the core raises.

Every message is written for the person who reads it in a play's output: what is wrong, in which option or file,
and what to do about it. The actions translate the family once, in ``_action.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: What is taken as it is of a host's answer: Ansible's own words for a call that failed, and its warnings.
CALL_RESULT = ("exception", "failed", "module_stderr", "msg", "unreachable", "warnings")


class PkiError(Exception):
    """Something the user can fix; nothing was changed."""


class AuthorityDueError(PkiError):
    """What an authority would sign with is missing or ends too soon, and certificate_authority renews it. In check
    mode that is a warning, since the same run may do so."""


class AuthorityMissingError(PkiError):
    """There is no authority in the folder. In check mode it may be one that the same run has planned."""


class KeyAwayError(PkiError):
    """A private key is not at hand: its file is elsewhere, or it is encrypted and no passphrase was given."""


class PassphraseError(PkiError):
    """A passphrase does not fit its private key, or was given for one that has none."""


class HostFailedError(PkiError):
    """A host reported a failure or could not be reached. ``result`` is what its module or the connection said."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        super().__init__(str(result.get("msg", "")))
        self.result = {key: result[key] for key in CALL_RESULT if key in result}
