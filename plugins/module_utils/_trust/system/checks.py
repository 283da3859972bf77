# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One thing that is looked at in a system store."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import closed_to_others
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import Platform


class Check(NamedTuple):
    """One thing that was looked at: is a ``trace`` of the anchor there, and is all ``sound`` that trust needs?"""

    trace: bool
    sound: bool
    sentence: str


def check_readable(platform: Platform, path: str, sentence: str) -> Check:
    """That of a file which holds the anchor, as the ``sentence`` says: can everybody read it?"""
    barred = closed_to_others(path, platform.settings.root)
    return Check(True, not barred, f"{sentence}, but {barred} is closed to other users" if barred else sentence)
