# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""System stores that are fed from a folder of anchors by a refresh command: those of Linux and FreeBSD.

What differs from platform to platform is a row in ``layouts.py``; what is looked at, in ``folder_checks.py``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust.certificates import certificates_in
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import (
    make_folders,
    read_regular,
    require_own_folder,
    write_public,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.openssl import (
    dangling_links,
    hash_links,
    orphaned_hash_links,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    ABSENT,
    STALE,
    TRUSTED,
    Anchor,
    Finding,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.folder_checks import (
    check_readers,
    check_sources,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.layouts import (
    LAYOUTS,
    FolderStore,
    system_stores,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.preflight import rehearse
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.sources import (
    distrust,
    open_to_all,
    sources,
)

# Seconds; the hooks of a refresh rebuild Java's store, which takes a small machine half a minute.
REFRESH_LIMIT = 180.0
# Bytes, beside a second copy of the bundle.
_SPACE_FOR_LINKS = 64 * 1024
# The system's own programs first: these commands were written for them, and start hundreds of them by name.
_REFRESH_PATH = "/usr/bin:/usr/sbin:/bin:/sbin:/usr/local/bin:/usr/local/sbin"
# There while a refresh is under way. One that was cut off may have taken away what it had not made again yet, be it no
# file of ours: update-ca-trust of EL 10 makes the link to curl's bundle last, and others have hooks then.
_UNDER_WAY = "/var/lib/anchorage/refresh"


def sought() -> list[str]:
    marks = {layout.platforms: " or ".join(layout.marks) for layout in LAYOUTS}
    return [f"{found} ({platforms})" for platforms, found in marks.items()]


def find(root: str) -> list[FolderStore]:
    return system_stores(root)


def inspect(store: FolderStore, anchor: Anchor) -> Finding:
    finding, mark = _inspect_files(store, anchor), store.path(_UNDER_WAY)
    if not os.path.exists(mark):
        return finding
    return replace(finding, state=STALE, evidence=(*finding.evidence, f"{mark} is left of a refresh that was cut off"))


def _inspect_files(store: FolderStore, anchor: Anchor) -> Finding:
    found, read, blocked = check_sources(store, anchor), check_readers(store, anchor), distrust(store, anchor)
    checks = [*found, *read]
    evidence = tuple(check.sentence for check in checks)
    if blocked:
        # A bundle for OpenSSL lists what is distrusted, too, as such.
        trace = any(check.trace for check in checks if ".trust.crt" not in check.sentence)
        return Finding(STALE if trace else ABSENT, evidence, blocked)
    if all(check.sound for check in checks):
        return Finding(TRUSTED, evidence)
    mark = _deferred(store)
    if mark and all(check.sound for check in found):
        return Finding(TRUSTED, (f"{mark} has the next boot trust it", *evidence), awaits="the next boot")
    if mark and not any(check.trace for check in found):
        return Finding(ABSENT, (f"{mark} has the next boot forget it", *evidence), awaits="the next boot")
    return Finding(STALE if any(check.trace for check in checks) else ABSENT, evidence)


def foresee(store: FolderStore, anchor: Anchor, operation: str) -> Finding:
    _require_fitness(store)
    tried = rehearse(store, anchor, operation)
    sentence = (tried.sentence,) if tried else ()
    readers = store.bundles[:1] or [store.links]
    if operation == "install":
        if tried and not tried.trusted:
            return Finding(ABSENT, sentence)
        return Finding(TRUSTED, (f"{store.own_file(anchor)} would hold it", f"{readers[0]} would hold it", *sentence))
    copies = [source.path for source in sources(store) if source.is_copy_of(anchor)]
    shared = [source.path for source in sources(store) if source.holds(anchor) and source.path not in copies]
    left = bool(shared) or (tried is not None and tried.trusted)
    evidence = [
        *(f"{path} would keep it, with what else it holds" for path in shared),
        *(f"{path} would be removed" for path in copies),
        f"{readers[0]} would {'still hold' if left else 'lack'} it",
        *sentence,
    ]
    return Finding(STALE if left else ABSENT, tuple(evidence))


def install(store: FolderStore, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
    _require_fitness(store)
    undo.callback(_clear_attempt, store, anchor)
    write_public(store.own_file(anchor), anchor.pem.encode(), undo)
    for source in sources(store):
        if source.is_copy_of(anchor):
            open_to_all(source, undo)
    # A rebuild takes all links away for a moment, from running programs too: only where there is something to mend.
    _refresh(store, rebuild=before.state == STALE)


def remove(store: FolderStore, anchors: Sequence[Anchor]) -> None:
    _require_fitness(store)
    for source in sources(store):
        if any(source.is_copy_of(anchor) for anchor in anchors):
            os.unlink(source.name, dir_fd=source.folder)
    for anchor in anchors:
        # A file of our name is ours, even if a crash or an editor spoiled what it holds.
        store.own_file(anchor).unlink(missing_ok=True)
        if store.layout.rereads_links and store.links:
            for link in hash_links(store.links, anchor.der):
                os.unlink(link)
    _refresh(store, rebuild=True)
    _remove_orphaned_bundle(store, anchors)


def _deferred(store: FolderStore) -> str:
    """The file by which the refresh command leaves its work to the next boot, where it does that."""
    variable, mark = store.layout.deferral
    return store.path(mark) if variable in os.environ and os.path.exists(store.path(mark)) else ""


def _require_fitness(store: FolderStore) -> None:
    """Raise HostError where a change could not be brought to its end, before it is begun."""
    for path in (store.path(store.layout.anchors), store.path(_UNDER_WAY), *store.bundles, store.links):
        folder = _nearest_folder(path) if path else ""
        if folder and not os.access(folder, os.W_OK):
            raise HostError(f"{folder} cannot be written to, as on a file system that is read-only.")
    require_own_folder(Path(store.path(store.layout.anchors)))
    _require_space(store)


def _nearest_folder(path: str) -> str:
    """The folder itself, or the one above that is there, links resolved."""
    path = os.path.realpath(path)
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _require_space(store: FolderStore) -> None:
    """A rebuild that runs out of space has taken all links away and writes none, so it must not be begun."""
    written = [path for path in (*store.bundles, store.keystore) if path and os.path.exists(path)]
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


def _clear_attempt(store: FolderStore, anchor: Anchor) -> None:
    """Once the anchor's files are as they were: rebuild where anything is left of it, and only there, since a rebuild
    by a command that has just failed would do more harm than good."""
    if store.links:
        for link in dangling_links(store.links, anchor.name):
            os.unlink(link)
    if _inspect_files(store, anchor).state != ABSENT:
        _refresh(store, rebuild=True)


def _refresh(store: FolderStore, rebuild: bool) -> None:
    layout = store.layout
    command = [store.command, *layout.command[1:], *(layout.rebuild if rebuild else ())]
    variable, mark = layout.deferral[0], Path(store.path(_UNDER_WAY))
    make_folders(mark.parent)
    mark.touch()
    for link in orphaned_hash_links(store.links):
        os.unlink(link)
    inherited = {name: value for name, value in os.environ.items() if name == variable}
    outcome = run(command, REFRESH_LIMIT, environment={"PATH": _REFRESH_PATH, **inherited})
    mark.unlink()
    with suppress(OSError):  # others may keep something there
        mark.parent.rmdir()
    if outcome.status:
        raise HostError(f"{' '.join(command)} failed: {outcome.last_line.rstrip('.')}.")


def _remove_orphaned_bundle(store: FolderStore, anchors: Sequence[Anchor]) -> None:
    """Where no anchor is left at all, update-ca-certificates writes no bundle, and lets the former one lie."""
    removed = {anchor.der for anchor in anchors}
    for bundle in store.bundles[:1]:
        held = set(certificates_in(read_regular(bundle) or b""))
        if held and held <= removed and not any(hash_links(store.links, der) for der in removed):
            os.unlink(bundle)
