# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The OpenSSL that Homebrew or MacPorts brings to macOS, which reads no keychain: a folder of anchors for each.

OpenSSL reads ``cert.pem`` and the hash links in ``certs``, both in its folder OPENSSLDIR. Updates replace ``cert.pem``,
which is a link to the bundle of another package, made of the keychains or of Mozilla's roots; they leave ``certs`` as
it is. So anchors go into ``certs``, and ``openssl rehash`` of the same installation makes the links.

An installation belongs to whoever made it, with Homebrew an ordinary user. All that is done to it is done as that
owner, and root runs no program that others could replace. Sources: SSL_CTX_set_default_verify_paths(3),
openssl-rehash(1), Formula/o/openssl@3.rb of Homebrew/homebrew-core, devel/openssl3/Portfile of macports-ports.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import Account
from ansible_collections.anchorage.pki.plugins.module_utils._host.as_user import call_as
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import (
    Any,
    dataclass,
    replace,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.owners import open_to_others, owner_of
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import NEEDS_USER, Anchor, Finding
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.folder_checks import inspect_store
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.layouts import Layout
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.other_layouts import MANAGERS
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import Platform


@dataclass(frozen=True)
class OpensslFolder:
    """The anchors of an installation of OpenSSL, and the installation's owner."""

    platform: Platform
    owner: Account

    kind = "system"

    @property
    def name(self) -> str:
        return self.platform.layout.anchors

    @property
    def readers(self) -> str:
        return f"programs that use the {self.platform.layout.package} of {self.platform.layout.platforms}"

    @property
    def obstacle(self) -> str:
        culprit = replaceable(self.platform, self.owner)
        danger = f"Users other than root may write to {culprit}, and so replace what root would run there"
        return f"{danger}: restrict it with chmod and chown first." if culprit else ""

    def inspect(self, anchor: Anchor) -> Finding:
        try:
            return self._ask(_inspect, anchor)
        except HostError as error:
            if self.owner.uid == os.geteuid():
                raise
            return Finding(NEEDS_USER, (str(error),), private=True)

    def preview(self, anchor: Anchor, operation: str) -> Finding:
        return self._ask(_preview, anchor, operation)

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        former = call_as(self.owner, _read, self.platform.own_file(anchor))
        undo.callback(call_as, self.owner, _take_back, self.platform, anchor, former)
        call_as(self.owner, _install, self.platform, anchor, before)

    def remove(self, anchors: Sequence[Anchor]) -> None:
        call_as(self.owner, _remove, self.platform, anchors)

    def _ask(self, function: Any, *arguments: Any) -> Finding:
        state, evidence, blocked, awaits = call_as(self.owner, function, self.platform, *arguments)
        return Finding(state, tuple(evidence), blocked, awaits)


def find(settings: Settings) -> list[OpensslFolder]:
    """Those whose program is there. What an uninstalled one left has no readers."""
    platforms = [Platform(layout, settings) for layout in _layouts(settings)]
    return [_store(platform) for platform in platforms if platform.has_command]


def sought() -> list[str]:
    """Where installations are looked for."""
    return [f"{manager.prefix}/{manager.folders} (OpenSSL of {manager.name})" for manager in MANAGERS]


def _layouts(settings: Settings) -> Iterator[Layout]:
    for manager in MANAGERS:
        for path in settings.matches(f"{manager.prefix}/{manager.folders}"):
            folder = "/" + os.path.relpath(path, settings.root)
            package = os.path.relpath(folder, manager.prefix).split("/")[1]
            yield Layout(
                name=package,
                platforms=manager.name,
                marks=(folder,),
                command=(f"{manager.prefix}/{manager.program.format(package)}", "rehash"),  # of its own folder
                package=package,
                anchors=f"{folder}/certs",
                suffix=".pem",
                links=f"{folder}/certs",
                source_names=r"(?i).*\.(pem|crt|cer)",
                under_way=f"{manager.prefix}/var/anchorage/refresh",
            )


def _store(platform: Platform) -> OpensslFolder:
    """The independent reader of a folder is the program of the same installation, where it may be run."""
    owner = owner_of(platform.path(platform.layout.marks[0]))
    search_path = os.devnull if replaceable(platform, owner) else os.path.dirname(platform.command)
    return OpensslFolder(replace(platform, settings=replace(platform.settings, search_path=search_path)), owner)


def replaceable(platform: Platform, owner: Account) -> str:
    """What others could replace on the way to a program that root would run; "" for nothing."""
    return open_to_others(os.path.realpath(platform.command), platform.settings.root) if owner.uid == 0 else ""


# What the owner does. What is returned crosses to another process. What changes a store is imported for that alone.


def _inspect(platform: Platform, anchor: Anchor) -> list[Any]:
    return _plain(inspect_store(platform, anchor))


def _preview(platform: Platform, anchor: Anchor, operation: str) -> list[Any]:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import changes

    return _plain(changes.preview(platform, anchor, operation))


def _plain(finding: Finding) -> list[Any]:
    return [finding.state, finding.evidence, finding.blocked, finding.awaits]


def _install(platform: Platform, anchor: Anchor, before: Finding) -> None:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import changes

    with ExitStack() as undo:
        changes.install(platform, [(anchor, before)], undo)
        undo.pop_all()


def _remove(platform: Platform, anchors: Sequence[Anchor]) -> None:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import changes

    changes.remove(platform, anchors)


def _read(path: str) -> str | None:
    content = read_regular(path)
    return None if content is None else base64.b64encode(content).decode()


def _take_back(platform: Platform, anchor: Anchor, former: str | None) -> None:
    """Put back what was in the place of the anchor's file, in Base64, and rebuild where anything else is left."""
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import changes
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.writing import write_public

    own = Path(platform.own_file(anchor))
    if former is None:
        own.unlink(missing_ok=True)
    else:
        write_public(own, base64.b64decode(former), ExitStack())
    changes.clear_attempt(platform, anchor)
