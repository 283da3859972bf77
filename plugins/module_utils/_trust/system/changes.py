# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of a system store that is fed from a folder of anchors: tried, made, and taken back."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust.certificates import certificates_in
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.openssl import HASH_LINK, dangling_links, hash_links
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    ABSENT,
    INSTALL,
    REMOVE,
    STALE,
    TRUSTED,
    Anchor,
    Finding,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.folder_checks import inspect_files
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import Platform
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.preflight import REFRESH_PATH, preflight
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.sources import Source, sources
from ansible_collections.anchorage.pki.plugins.module_utils._trust.writing import (
    make_folders,
    require_own_folder,
    write_public,
)

# Bytes, beside a second copy of the bundle.
_SPACE_FOR_LINKS = 64 * 1024


def preview(platform: Platform, anchor: Anchor, operation: str) -> Finding:
    """What a look would find after the operation."""
    _require_fitness(platform)
    trial = preflight(platform, anchor, operation)
    sentences = (trial.sentence,) if trial else ()
    reader = [*platform.bundles, platform.path(platform.layout.links)][0]
    if operation == INSTALL:
        if trial and not trial.trusted:
            return Finding(ABSENT, sentences)
        own = platform.own_file(anchor)
        return Finding(TRUSTED, (f"{own} would hold it", f"{reader} would hold it", *sentences))
    found = list(sources(platform))
    copies = [source.path for source in found if source.is_copy_of(anchor)]
    shared = [source.path for source in found if source.holds(anchor) and source.path not in copies]
    left = bool(shared) or (trial is not None and trial.trusted)
    evidence = [
        *(f"{path} would keep it, with what else it holds" for path in shared),
        *(f"{path} would be removed" for path in copies),
        f"{reader} would {'still hold' if left else 'lack'} it",
        *sentences,
    ]
    return Finding(STALE if left else ABSENT, tuple(evidence))


def install(platform: Platform, befores: Sequence[tuple[Anchor, Finding]], undo: ExitStack) -> None:
    """Make the file of each anchor, and refresh the store once; ``undo`` learns the way back. With each anchor is what
    was found of it."""
    _require_fitness(platform)
    is_plain = all(before.state != STALE for _anchor, before in befores)
    for anchor, _before in befores:  # done when all files are as they were, the last of these first
        undo.callback(clear_attempt, platform, anchor, is_plain)
    for anchor, _before in befores:
        write_public(Path(platform.own_file(anchor)), anchor.pem.encode(), undo)
    for source in sources(platform):
        if any(source.is_copy_of(anchor) for anchor, _before in befores):
            _open_to_all(source, undo)
    # A rebuild takes all links away for a moment, from running programs too: only where there is something to fix.
    _refresh(platform, rebuild=not is_plain)


def remove(platform: Platform, anchors: Sequence[Anchor]) -> None:
    """Remove every copy of the anchors, and rebuild the store, which takes all links away before it makes them anew:
    so it is tried elsewhere first."""
    _require_fitness(platform)
    preflight(platform, anchors[0], REMOVE)
    for source in sources(platform):
        if any(source.is_copy_of(anchor) for anchor in anchors):
            os.unlink(source.name, dir_fd=source.folder)
    for anchor in anchors:
        # A file of our name is ours, even if a crash or an editor damaged what it holds.
        Path(platform.own_file(anchor)).unlink(missing_ok=True)
        _unlink_sources_of_links(platform, anchor)
    _refresh(platform, rebuild=True)
    _remove_orphaned_bundle(platform, anchors)


def clear_attempt(platform: Platform, anchor: Anchor, is_plain: bool = False) -> None:
    """Once the anchor's files are as they were: rebuild where anything is left of it, and only there, since a
    rebuild by a command that has just failed would do more harm than good. A plain refresh that ended and failed has
    taken nothing away, so that nothing is left to be healed."""
    if platform.links:
        for link in dangling_links(platform.links, anchor.name):
            os.unlink(link)
    if inspect_files(platform, anchor).state != ABSENT:
        _unlink_sources_of_links(platform, anchor)
        _refresh(platform, rebuild=True)
    elif is_plain:
        _unmark(platform)


def _unlink_sources_of_links(platform: Platform, anchor: Anchor) -> None:
    """Where the refresh command takes what lies in the folder of links for trusted, take the anchor out of there."""
    if platform.layout.rereads_links and platform.links:
        for link in hash_links(platform.links, anchor.der):
            os.unlink(link)


def _require_fitness(platform: Platform) -> None:
    """Raise HostError where a change could not complete, before it is begun."""
    made = platform.paths((platform.layout.anchors, platform.layout.under_way))
    for path in (*made, *platform.bundles, platform.links):
        folder = _nearest_folder(path) if path else ""
        if folder and not os.access(folder, os.W_OK):
            raise HostError(f"{folder} is not writable; it may be on a read-only file system.")
    require_own_folder(Path(platform.path(platform.layout.anchors)))
    _require_space(platform)


def _nearest_folder(path: str) -> str:
    """The folder itself, or the one above that is there, links resolved."""
    path = os.path.realpath(path)
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _require_space(platform: Platform) -> None:
    """A rebuild that runs out of space has taken all links away and writes none, so it must not be begun."""
    written = [path for path in (*platform.bundles, platform.keystore) if path and os.path.exists(path)]
    if not written:
        return
    needed = sum(os.path.getsize(path) for path in written) + _SPACE_FOR_LINKS
    folder = os.path.dirname(os.path.realpath(written[0]))
    status = os.statvfs(folder)
    free = status.f_bfree * status.f_frsize
    if free < needed:
        raise HostError(
            f"{folder} has {free // 1024} KiB left, and a refresh takes {needed // 1024} KiB: make room first."
        )


def _refresh(platform: Platform, rebuild: bool) -> None:
    layout = platform.layout
    command = [platform.command, *layout.command[1:], *(layout.rebuild if rebuild else ())]
    variable, mark = layout.deferral[0], Path(platform.path(platform.layout.under_way))
    make_folders(mark.parent)
    mark.touch()
    for link in _orphaned_hash_links(platform.links):
        os.unlink(link)
    inherited = {name: value for name, value in os.environ.items() if name == variable}
    outcome = run(command, platform.settings.refresh_timeout, environment={"PATH": REFRESH_PATH, **inherited})
    if outcome.status:  # the mark stays, by which the next run knows that there may be something to heal
        raise HostError(f"{' '.join(command)} failed: {outcome.last_line.rstrip('.')}.")
    _unmark(platform)


def _unmark(platform: Platform) -> None:
    """Take away the mark of a refresh that is under way."""
    mark = Path(platform.path(platform.layout.under_way))
    mark.unlink(missing_ok=True)
    with suppress(OSError):  # others may keep something there
        mark.parent.rmdir()


def _remove_orphaned_bundle(platform: Platform, anchors: Sequence[Anchor]) -> None:
    """Where no anchor is left at all, update-ca-certificates writes no bundle, and lets the former one lie."""
    removed = {anchor.der for anchor in anchors}
    for bundle in platform.bundles[:1]:
        held = set(certificates_in(read_regular(bundle) or b""))
        if held and held <= removed and not any(hash_links(platform.links, der) for der in removed):
            os.unlink(bundle)


def _open_to_all(source: Source, undo: ExitStack) -> None:
    """Let other users read a copy: it is the hash link's target, or p11-kit reads it on a program's behalf."""
    descriptor = os.open(source.name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=source.folder)
    undo.callback(os.close, descriptor)
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    undo.callback(os.fchmod, descriptor, mode)
    os.fchmod(descriptor, mode | 0o444)


def _orphaned_hash_links(folder: str) -> list[str]:
    """The entries of ``folder`` named like a subject's hash that lead nowhere. ``openssl rehash`` keeps one where
    another certificate has that subject, which OpenSSL does not find then: it stops at the first number that is gone.
    """
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    paths = [os.path.join(folder, name) for name in names if HASH_LINK.fullmatch(name)]
    return [path for path in paths if not os.path.exists(path)]
