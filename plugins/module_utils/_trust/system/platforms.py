# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's platform: where it has what the layout of its system store names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import TYPE_CHECKING, dataclass, field
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.layouts import DEBIAN, Layout

if TYPE_CHECKING:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.openssl import Verifier

# The name of an anchor, as the controller makes it of the common name and the fingerprint.
_OWN_NAME = re.compile(r"anchorage-[a-z0-9-]*[0-9a-f]{16}\.[a-z]+")


@dataclass(frozen=True)
class Platform:
    """A host with this layout: where it has what the layout names.

    ``verifiers`` are those of the anchors that settings have ``together``, by option and path.
    """

    layout: Layout
    settings: Settings
    verifiers: dict[tuple[str, str], Verifier | None] = field(default_factory=dict)

    def path(self, absolute: str) -> str:
        return self.settings.path(absolute)

    def paths(self, absolute: tuple[str, ...]) -> list[str]:
        return [self.path(each) for each in absolute]

    def own_file(self, anchor: Anchor) -> str:
        return os.path.join(self.path(self.layout.anchors), anchor.name + self.layout.suffix)

    def takes(self, name: str) -> bool:
        """Whether a file of this name counts as an anchor."""
        return re.fullmatch(self.layout.source_names, name) is not None

    @property
    def command(self) -> str:
        return self.path(self.layout.command[0])

    @property
    def has_command(self) -> bool:
        return os.access(self.command, os.X_OK)

    @property
    def bundles(self) -> list[str]:
        """The bundles that are to be there."""
        found = self.paths(self.layout.bundles)
        return found[:1] + [path for path in found[1:] if os.path.lexists(path)]

    @property
    def separated(self) -> list[str]:
        """Where a file of its own lies in the place of a link to the first bundle."""
        found = [path for path in self.paths(self.layout.other_names) if os.path.lexists(path)]
        return [path for path in found if os.path.realpath(path) != os.path.realpath(self.bundles[0])]

    @property
    def links(self) -> str:
        """The folder of hash links; "" where there is none."""
        return self._existing(self.layout.links)

    @property
    def keystore(self) -> str:
        """The keystore that the refresh command writes; "" where there is none."""
        return self._existing(self.layout.keystore)

    def _existing(self, absolute: str) -> str:
        path = self.path(absolute)
        return path if absolute and os.path.exists(path) else ""

    @property
    def is_recognized(self) -> bool:
        """Whether this is the host's platform, judging by its files."""
        if not any(os.path.exists(path) for path in self.paths(self.layout.marks)):
            return False
        is_script = (read_regular(self.command) or b"").startswith(b"#!/bin/sh")
        return self.layout.script in (None, is_script)


def layouts() -> Iterator[Layout]:
    """That of each platform."""
    yield DEBIAN
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import (
        other_layouts,  # of which hosts are spared that need no more
    )

    yield from other_layouts.LAYOUTS


def find_platform(settings: Settings) -> Platform | None:
    """The host's platform: the first whose marks it has, with the refresh command if any."""
    without_command = None
    for platform in (Platform(layout, settings) for layout in layouts()):
        if platform.is_recognized:
            if platform.has_command:
                return platform
            without_command = without_command or platform
    return without_command


def installed_anchors(settings: Settings) -> tuple[str, ...]:
    """The paths of all anchors that this collection has installed in folders of the system's, by the names that it
    gives."""
    platform = find_platform(settings)
    folders = [platform.path(platform.layout.anchors)] if platform else _packaged(settings)
    readable = [folder for folder in folders if os.path.isdir(folder) and os.access(folder, os.R_OK)]
    found = [(folder, name) for folder in readable for name in sorted(os.listdir(folder)) if _OWN_NAME.fullmatch(name)]
    return tuple(os.path.join(folder, name) for folder, name in found)


def _packaged(settings: Settings) -> list[str]:
    """The folders of package managers, which are a Mac's."""
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.other_layouts import MANAGERS

    return [folder for each in MANAGERS for folder in settings.matches(f"{each.prefix}/{each.folders}/certs")]
