# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that a refresh command reads: administrators' anchors, and the lists of what the host distrusts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._trust.certificates import (
    holds,
    holds_only,
    withholds_servers,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import Platform

# p11-kit's own format marks a distrusted certificate in the file itself.
_MARK = b"x-distrusted:"
_DISTRUSTED = rb"^x-distrusted:\s*true"


class Source(NamedTuple):
    """A file that the refresh command reads."""

    path: str
    name: str
    folder: int  # an open descriptor, valid until the next source is asked for
    content: bytes

    def holds(self, anchor: Anchor) -> bool:
        return holds(self.content, anchor.der)

    def is_copy_of(self, anchor: Anchor) -> bool:
        """Whether nothing is lost with the file but the anchor."""
        return holds_only(self.content, anchor.der) and not self.distrusts(anchor)

    def distrusts(self, anchor: Anchor) -> bool:
        marked = _MARK in self.content and re.search(_DISTRUSTED, self.content, re.MULTILINE)
        return bool(marked) and self.holds(anchor)

    def limits(self, anchor: Anchor) -> bool:
        """Whether it trusts the anchor for other purposes alone, which p11-kit puts above what another file says."""
        return withholds_servers(self.content, anchor.der)


def sources(platform: Platform) -> Iterator[Source]:
    """Linked folders are left to their owners; linked files count, as the link can be removed."""
    layout = platform.layout
    yield from _files(platform, platform.path(layout.anchors), layout.nested)
    for folder in platform.paths(layout.further_sources):
        yield from _files(platform, folder, nested=False)


def distrust(platform: Platform, anchor: Anchor) -> str:
    """The sentence that says where the host explicitly distrusts the anchor; "" where it does not."""
    lists = [source for folder in platform.paths(platform.layout.blocklists) for source in walk(folder, nested=True)]
    listed = [source.path for source in lists if source.holds(anchor)]
    own = list(sources(platform))
    listed += [source.path for source in own if source.distrusts(anchor)]
    if listed:
        return f"It is explicitly distrusted, which overrides any trust anchor: remove {' and '.join(listed)} first"
    limiting = [source.path for source in own if source.limits(anchor)]
    if limiting:
        limit = "for purposes other than servers, which overrides any trust anchor"
        return f"{limiting[0]} trusts it {limit}: remove it first"
    return ""


def _files(platform: Platform, folder: str, nested: bool) -> Iterator[Source]:
    lists = tuple(f"{path}/" for path in platform.paths(platform.layout.blocklists))
    for source in walk(folder, nested):
        followed = platform.layout.follows_links or not os.path.islink(source.path)
        if followed and platform.takes(source.name) and not source.path.startswith(lists):
            yield source


def walk(top: str, nested: bool) -> Iterator[Source]:
    """Every regular file in a folder, and in those below if ``nested``. It may be a link to one, which the slash at its
    end has followed, as the platforms' own programs do."""
    for path, folders, names, folder in os.fwalk(os.path.join(top, "")) if os.path.isdir(top) else ():
        for name in sorted(names):
            content = read_regular(name, folder)
            if content is not None:
                yield Source(os.path.join(path, name), name, folder, content)
        if not nested:
            folders.clear()
