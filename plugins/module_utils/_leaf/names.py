# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of leaves, which are also the names of their folders on a host. Controller and host share this check."""

from __future__ import annotations

import re
from collections.abc import Sequence

# 200 characters leave room for the names derived from it within the 255 bytes of a file name.
LEAF_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def names_error(names: Sequence[str]) -> str:
    """What is wrong with the names of the leaves of one task, "" for nothing."""
    for name in names:
        if not LEAF_NAME.fullmatch(name):
            return (
                f"name: {name!r} cannot name a folder. Use up to 200 letters, digits, dots, hyphens and underscores, "
                "beginning with a letter or a digit."
            )
        if names.count(name) > 1:
            return f"name: {name!r} is given twice. Every certificate needs a name of its own."
    return ""
