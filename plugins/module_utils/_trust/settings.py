# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stores need beside the anchor, with the values of a real host as defaults; tests give others."""

from __future__ import annotations

import os

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass, field
from ansible_collections.anchorage.pki.plugins.module_utils._host.programs import SEARCH_PATH, find_command
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor


@dataclass(frozen=True)
class Settings:
    """The host lies below ``root``, and its commands in the folders of ``search_path``. Time limits are in seconds.

    With ``reads_only``, a store is not even opened for writing, and fails where it cannot be read without.
    ``java_password`` opens keystores of the user who runs this where the usual password does not; empty for none.
    The ``truststores`` are those of the request.
    The ``others`` beside the anchor itself, the leaf by that one and ``allow_authorization_change`` are those of the
    request, for the one store of macOS. Nothing changes while stores are asked about the anchors that are ``together``.
    """

    root: str = "/"
    search_path: str = SEARCH_PATH
    reads_only: bool = False
    java_password: str = field(default="", repr=False)
    others: tuple[Anchor, ...] = ()
    together: tuple[Anchor, ...] = ()
    leaf_name: str = ""
    leaf_chain: tuple[str, ...] = ()
    allow_authorization_change: bool = False
    truststores: str = field(default="", repr=False)
    lock_timeout: float = 400.0  # another run may be refreshing a store and then refreshing it back
    refresh_timeout: float = 180.0  # the hooks rebuild Java's store, which takes a small machine half a minute
    survey_timeout: float = 10.0  # for root's look at all homes
    search_timeout: float = 20.0  # for a user's look at a home
    database_timeout: float = 10.0  # for a browser to finish writing to its database

    def path(self, absolute: str) -> str:
        """Where the host's file of this absolute path lies."""
        return os.path.join(self.root, absolute.lstrip("/"))

    def matches(self, pattern: str) -> list[str]:
        """Where the host's files lie whose absolute paths fit the pattern, sorted."""
        import glob  # which most looks at hosts do without

        return sorted(glob.glob(os.path.join(glob.escape(self.root), pattern.lstrip("/"))))

    def command(self, name: str) -> str:
        """The path of a command, or "" where it is missing."""
        return find_command(name, self.search_path) or ""
