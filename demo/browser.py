# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The user's browser: asked to open a page only where that is what a user at a screen expects."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections.abc import Mapping

#: One of them names the screen that a user of Linux sits at.
SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")


def somebody_looks(environment: Mapping[str, str], user: int, terminal: bool) -> bool:
    """Whether a user sits at a screen, and typed the command themselves.

    Root's environment may be that of another user, whose browser would then run as root: browsers refuse that, or leave
    files in the user's home which the user cannot write.
    """
    return user != 0 and terminal and any(environment.get(screen) for screen in SCREENS)


def at_a_screen() -> bool:
    """The same of this process."""
    return somebody_looks(os.environ, os.geteuid(), sys.stdin.isatty() and sys.stdout.isatty())


def open_page(address: str) -> None:
    """Have the browser open a page. Where there is none, nothing happens: the user was told the address."""
    # Some browsers end only when their window is closed, and the page has to be served meanwhile.
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
