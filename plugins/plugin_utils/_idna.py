# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ``idna`` package, imported in one guarded place.

It is asked for when the first name that needs it is read, so that whoever has none beyond ASCII needs nothing. The
import sandbox of ``ansible-test sanity`` has no such package, and the documentation tools import plugins there: hence
the guard.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

try:
    import idna
except ImportError:  # told where a name needs it
    idna = None  # type: ignore[assignment]

installed_version = idna.__version__ if idna else ""

# The oldest release that the tests run on: that of Debian 12.
OLDEST = (3, 3)


def library(name: str, version: str = installed_version) -> Any:
    """The package, for a name that cannot be read without. Raises PkiError where there is none, or an older one."""
    release = re.match(r"(\d+)\.(\d+)", version)
    if release is None or (int(release[1]), int(release[2])) < OLDEST:
        raise PkiError(
            f"names: {name!r} needs the Python package idna, {OLDEST[0]}.{OLDEST[1]} or newer, on the controller; "
            f"{sys.executable} has {version or 'none'}. Install it there."
        )
    return idna
