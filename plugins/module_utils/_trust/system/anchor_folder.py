# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""System stores that are fed from a folder of anchors by a refresh command: those of Linux and FreeBSD.

What differs from platform to platform is a layout; what is looked at, in
``folder_checks.py``; how it is changed, in ``changes.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor, Finding
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.folder_checks import inspect_store
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import (
    Platform,
    find_platform,
    layouts,
)


def sought() -> list[str]:
    """The marks of all platforms, in words."""
    return [f"{' or '.join(layout.marks)} ({layout.platforms})" for layout in layouts()]


@dataclass(frozen=True)
class AnchorFolderStore:
    """The system store of a platform."""

    platform: Platform

    kind = "system"
    readers = "OpenSSL, GnuTLS, curl, Python and most other programs"

    @property
    def name(self) -> str:
        return self.platform.layout.name

    @property
    def obstacle(self) -> str:
        layout = self.platform.layout
        if self.platform.has_command:
            return ""
        return f"{layout.command[0]} is missing: install the package {layout.package}."

    def inspect(self, anchor: Anchor) -> Finding:
        return inspect_store(self.platform, anchor)

    # What changes a store is imported for that alone: a look at a host has no time for it.

    def preview(self, anchor: Anchor, operation: str) -> Finding:
        from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import changes

        return changes.preview(self.platform, anchor, operation)

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        self.install_all([(anchor, before)], undo)

    def install_all(self, befores: Sequence[tuple[Anchor, Finding]], undo: ExitStack) -> None:
        from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import changes

        changes.install(self.platform, befores, undo)

    def remove(self, anchors: Sequence[Anchor]) -> None:
        from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import changes

        changes.remove(self.platform, anchors)


def find(settings: Settings) -> list[AnchorFolderStore]:
    """A host has one system store at most."""
    platform = find_platform(settings)
    return [AnchorFolderStore(platform)] if platform else []
