# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The right by which macOS decides who may change the administrator's trust settings, as far as a look knows it.

Where macOS heeds a change of it, it can be allowed to everybody for the time of one write. What it was before is in a
journal meanwhile, by which the next run puts it back where one was killed.
"""

from __future__ import annotations

import os

from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings

RIGHT = "com.apple.trust-settings.admin"
_JOURNAL = "/var/db/anchorage-trust-settings-right.plist"
# Until then, root could change trust settings without it; 10.16 may be any later version.
_SINCE = (11,)
# From these on, a change has no effect, although the tool says YES, or is refused.
_UNTIL, _UNTIL_OF_14 = (13, 7, 5), (14, 7, 5)


def is_heeded(version: tuple[int, ...]) -> bool:
    """Whether a version of macOS goes by the right as it was changed last."""
    return _SINCE <= version < _UNTIL or (14,) <= version < _UNTIL_OF_14


def journal(settings: Settings) -> str:
    """The file that has the former right while it is changed."""
    return settings.path(_JOURNAL)


def is_pending(settings: Settings) -> bool:
    """Whether a run was cut off before it had put the right back."""
    return os.path.lexists(journal(settings))
