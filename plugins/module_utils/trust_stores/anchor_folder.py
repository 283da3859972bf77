# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""System stores that are fed from a folder of anchors by a refresh command: Debian and its kin.

A platform is a row of :data:`LAYOUTS`. The refresh command's exit status proves nothing, since it is 0 whatever was
left out: only what consumers read counts, which is a bundle (OpenSSL's CAfile) and a folder of links named by the hash
of the subject (CApath). Sources: update-ca-certificates(8), openssl-rehash(1), openssl-verification-options(1).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils.trust_stores.certificates import (
    certificates_in,
    holds_only,
    is_damaged,
)
from ansible_collections.anchorage.pki.plugins.module_utils.trust_stores.files import (
    closed_to_others,
    read_regular,
    write_public,
)
from ansible_collections.anchorage.pki.plugins.module_utils.trust_stores.openssl import (
    dangling_links,
    hash_links,
    refusal,
)
from ansible_collections.anchorage.pki.plugins.module_utils.trust_stores.store import (
    ABSENT,
    STALE,
    TRUSTED,
    Anchor,
    Finding,
)

# Seconds; the hooks of a refresh rebuild Java's store, which takes a small machine half a minute.
REFRESH_LIMIT = 180.0
# Bytes, beside a second copy of the bundle.
_SPACE_FOR_LINKS = 64 * 1024


@dataclass(frozen=True)
class Layout:
    """A platform: where its anchors lie, what refreshes the store, and what consumers read. Paths are absolute."""

    name: str
    platforms: str
    mark: str  # its presence tells the platform
    anchors: str  # the administrator's folder of anchors
    suffix: str  # what the refresh command takes for an anchor
    packaged: str  # the distribution's own anchors
    command: str
    rebuild: tuple[str, ...]  # arguments with which the command clears what is left of former anchors too
    package: str  # brings the command
    bundle: str
    links: str


LAYOUTS = (
    Layout(
        name="debian",
        platforms="Debian, Ubuntu and their kin",
        mark="/etc/debian_version",
        anchors="/usr/local/share/ca-certificates",
        suffix=".crt",
        packaged="/usr/share/ca-certificates",
        command="/usr/sbin/update-ca-certificates",
        rebuild=("--fresh",),
        package="ca-certificates",
        bundle="/etc/ssl/certs/ca-certificates.crt",
        links="/etc/ssl/certs",
    ),
)


@dataclass(frozen=True)
class FolderStore:
    """The store of a host with this layout, whose paths lie below ``root``."""

    layout: Layout
    root: str

    def path(self, absolute: str) -> str:
        return os.path.join(self.root, absolute.lstrip("/"))

    def own_file(self, anchor: Anchor) -> Path:
        return Path(self.path(self.layout.anchors), anchor.name + self.layout.suffix)

    @property
    def name(self) -> str:
        return self.layout.name

    readers = "OpenSSL, curl, Python"

    @property
    def obstacle(self) -> str:
        if os.access(self.path(self.layout.command), os.X_OK):
            return ""
        return f"{self.layout.command} is missing: install the package {self.layout.package}."


class Check(NamedTuple):
    """One thing that was looked at: is a ``trace`` of the anchor there, and is all ``sound`` that trust needs?"""

    trace: bool
    sound: bool
    sentence: str


class Source(NamedTuple):
    """A file below the folder of anchors that the refresh command reads."""

    path: str
    name: str
    folder: int  # an open descriptor, valid until the next source is asked for
    content: bytes

    def holds(self, anchor: Anchor) -> bool:
        return anchor.der in certificates_in(self.content)

    def is_copy_of(self, anchor: Anchor) -> bool:
        """Whether nothing is lost with the file but the anchor."""
        return holds_only(self.content, anchor.der)


def sought() -> list[str]:
    return [f"{layout.mark} ({layout.platforms})" for layout in LAYOUTS]


def find(root: str) -> list[FolderStore]:
    """A host has one system store: the first layout whose mark is there."""
    stores = [FolderStore(layout, root) for layout in LAYOUTS]
    return [store for store in stores if os.path.exists(store.path(store.layout.mark))][:1]


def inspect(store: FolderStore, anchor: Anchor) -> Finding:
    links = hash_links(store.path(store.layout.links), anchor.der)
    checks = [
        *_check_sources(store, anchor, list(links.values())),
        _check_bundle(store, anchor),
        *_check_links(store, anchor, links),
        _confirm("-CAfile", store.path(store.layout.bundle), anchor),
        _confirm("-CApath", store.path(store.layout.links), anchor),
    ]
    evidence = tuple(check.sentence for check in checks)
    if all(check.sound for check in checks):
        return Finding(TRUSTED, evidence)
    return Finding(STALE if any(check.trace for check in checks) else ABSENT, evidence)


def foresee(store: FolderStore, anchor: Anchor, operation: str) -> Finding:
    bundle = store.path(store.layout.bundle)
    if operation == "install":
        return Finding(TRUSTED, (f"{store.own_file(anchor)} would hold it", f"{bundle} would hold it"))
    copies = [source.path for source in _sources(store) if source.is_copy_of(anchor)]
    shared = [source.path for source in _sources(store) if source.holds(anchor) and source.path not in copies]
    evidence = [
        *(f"{path} would keep it, with what else it holds" for path in shared),
        *(f"{path} would be removed" for path in copies),
        f"{bundle} would {'still hold' if shared else 'lack'} it",
    ]
    return Finding(STALE if shared else ABSENT, tuple(evidence))


def install(store: FolderStore, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
    _require_space(store)
    undo.callback(_clear_attempt, store, anchor)
    write_public(store.own_file(anchor), anchor.pem.encode(), undo)
    for source in _sources(store):
        if source.is_copy_of(anchor):
            _open_to_all(source, undo)
    # A rebuild takes all links away for a moment, from running programs too: only where there is something to mend.
    _refresh(store, rebuild=before.state == STALE)


def remove(store: FolderStore, anchors: Sequence[Anchor]) -> None:
    _require_space(store)
    for source in _sources(store):
        if any(source.is_copy_of(anchor) for anchor in anchors):
            os.unlink(source.name, dir_fd=source.folder)
    for anchor in anchors:
        # A file of our name is ours, even if a crash or an editor spoiled what it holds.
        store.own_file(anchor).unlink(missing_ok=True)
    _refresh(store, rebuild=True)
    _remove_orphaned_bundle(store, anchors)


def _sources(store: FolderStore) -> Iterator[Source]:
    """Linked folders are left to their owners; linked files count, as the link can be removed."""
    anchors = store.path(store.layout.anchors)
    for path, _folders, names, folder in os.fwalk(anchors) if os.path.isdir(anchors) else ():
        for name in sorted(names):
            content = read_regular(name, folder) if name.endswith(store.layout.suffix) else None
            if content is not None:
                yield Source(os.path.join(path, name), name, folder, content)


def _open_to_all(source: Source, undo: ExitStack) -> None:
    """Let other users read a copy: it is the hash link's target, and some readers have no privileges."""
    descriptor = os.open(source.name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=source.folder)
    undo.callback(os.close, descriptor)
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    undo.callback(os.fchmod, descriptor, mode)
    os.fchmod(descriptor, mode | 0o444)


def _require_space(store: FolderStore) -> None:
    """A rebuild that runs out of space has taken all links away and writes none, so it must not be begun."""
    bundle, links = store.path(store.layout.bundle), store.path(store.layout.links)
    if not os.path.exists(bundle):
        return
    needed = os.path.getsize(bundle) + _SPACE_FOR_LINKS
    status = os.statvfs(links)
    free = status.f_bfree * status.f_frsize
    if free < needed:
        raise HostError(
            f"{links} has {free // 1024} KiB left, and a refresh takes {needed // 1024} KiB: make room first."
        )


def _clear_attempt(store: FolderStore, anchor: Anchor) -> None:
    """Once the anchor's files are as they were: rebuild where anything is left of it, and only there, since a rebuild
    by a command that has just failed would do more harm than good."""
    for link in dangling_links(store.path(store.layout.links), anchor.name):
        os.unlink(link)
    if inspect(store, anchor).state != ABSENT:
        _refresh(store, rebuild=True)


def _refresh(store: FolderStore, rebuild: bool) -> None:
    command = [store.path(store.layout.command), *(store.layout.rebuild if rebuild else ())]
    outcome = run(command, REFRESH_LIMIT)
    if outcome.status:
        raise HostError(f"{' '.join(command)} failed: {outcome.last_line.rstrip('.')}.")


def _remove_orphaned_bundle(store: FolderStore, anchors: Sequence[Anchor]) -> None:
    """Where no anchor is left at all, update-ca-certificates writes no bundle, and lets the former one lie."""
    bundle, links = store.path(store.layout.bundle), store.path(store.layout.links)
    removed = {anchor.der for anchor in anchors}
    held = set(certificates_in(read_regular(bundle) or b""))
    if held and held <= removed and not any(hash_links(links, der) for der in removed):
        os.unlink(bundle)


def _check_sources(store: FolderStore, anchor: Anchor, link_targets: list[str]) -> list[Check]:
    """Is there a file that will make the next refresh trust the anchor, too?"""
    packaged = store.path(store.layout.packaged) + "/"
    checks = [Check(True, True, f"{path} holds it") for path in link_targets if path.startswith(packaged)]
    sources = list(_sources(store))
    checks += [
        _check_readable(store, source.path, f"{source.path} holds it")
        for source in sources
        if source.is_copy_of(anchor)
    ]
    if not checks:
        anchors = store.path(store.layout.anchors)
        checks.append(Check(False, False, f"{anchors} has no file that holds it alone"))
    return checks + [check for source in sources for check in _check_oddity(store, source, anchor)]


def _check_oddity(store: FolderStore, source: Source, anchor: Anchor) -> Iterator[Check]:
    """What a source holds that a person should know of, where it is not a plain copy."""
    if source.is_copy_of(anchor):
        return
    if source.holds(anchor):
        yield Check(True, True, f"{source.path} holds it together with other things, and is left to its owner")
    elif source.path == str(store.own_file(anchor)):
        yield Check(True, False, f"{source.path} does not hold what its name says")
    if is_damaged(source.content):
        yield Check(False, True, f"{source.path} is damaged, and may keep programs from reading the bundle")


def _check_bundle(store: FolderStore, anchor: Anchor) -> Check:
    bundle = store.path(store.layout.bundle)
    data = read_regular(bundle)
    if data is None:
        return Check(False, False, f"{bundle} is missing or cannot be read")
    if anchor.der not in certificates_in(data):
        return Check(False, False, f"{bundle} lacks it")
    return _check_readable(store, bundle, f"{bundle} holds it")


def _check_links(store: FolderStore, anchor: Anchor, links: dict[str, str]) -> list[Check]:
    folder = store.path(store.layout.links)
    checks = [_check_readable(store, target, f"{link} leads to it in {target}") for link, target in links.items()]
    dangling = dangling_links(folder, anchor.name)
    return [
        *(checks or [Check(False, False, f"{folder} has no hash link that leads to it")]),
        *(Check(True, False, f"{link} leads to a file that is gone") for link in dangling),
    ]


def _check_readable(store: FolderStore, path: str, sentence: str) -> Check:
    barred = closed_to_others(path, store.root)
    return Check(True, not barred, f"{sentence}, but {barred} is closed to other users" if barred else sentence)


def _confirm(option: str, path: str, anchor: Anchor) -> Check:
    """Ask a reader that is none of ours."""
    reason = refusal(option, path, anchor.pem)
    if reason is None:
        return Check(False, True, f"{path} was not confirmed by another reader: there is no openssl command")
    if reason:
        return Check(False, False, f"openssl verify {option} {path} refuses it: {reason}")
    return Check(True, True, f"openssl verify {option} {path} accepts it")
