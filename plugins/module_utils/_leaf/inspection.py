# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inspection: what is deployed of each leaf, read without starting a single program and without changing anything.

Where a task says how a server uses the leaves, it is also seen whether the server does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import TYPE_CHECKING, replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder, opened_subfolder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf import generations, messages, pointers
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activated import Record, read_record
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import (
    Destination,
    check_names,
    existing_lock,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.errors import translated_errors
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import CHAIN, JOURNAL, PKCS12, STAPLE
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generation_health import inspect_generation
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.serving import findings, unserved
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staple_source import check_staples, staple_drift
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.withdrawn import Mark, read_mark
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import LAYOUT, Layout

if TYPE_CHECKING:
    from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import Swap


def inspect_leaves(
    destination: Destination,
    inquiries: Sequence[messages.Inquiry],
    activation: messages.Activation,
    openssl: str = "openssl",
    layout: Layout = LAYOUT,
) -> messages.Inspection:
    """What is deployed of each leaf, and where ``activation`` says how a server uses them, whether they are served.

    Raises HostError, also where the host lacks what the leaves that are wanted need: a way to make a key, or to get
    staples to the server.
    """
    check_names([inquiry.name for inquiry in inquiries])
    check_staples(destination, [inquiry.name for inquiry in inquiries if inquiry.staple], layout)
    with translated_errors(destination.path):
        names = [inquiry.name for inquiry in inquiries]
        found = _deployed_leaves(destination, names, layout)
        others = _other_leaves(destination, names)
        leaves = [leaf for leaf, _record in found]
        if any(inquiry.host_key and not _is_kept(inquiry, leaf) for inquiry, leaf in zip(inquiries, leaves)):
            # Here, as further down, for looks that do not need it.
            from ansible_collections.anchorage.pki.plugins.module_utils._leaf.host_keys import openssl_program

            openssl_program(openssl)
    kept = [leaf for inquiry, leaf in zip(inquiries, leaves) if _is_kept(inquiry, leaf) and not leaf.drift]
    seen = _probed(activation, kept)
    if activation.reload:
        records = {leaf.name: record for leaf, record in found}
        reasons = {leaf.name: unserved(leaf, records[leaf.name], destination.server, activation, seen) for leaf in kept}
        leaves = [replace(leaf, unserved=reasons.get(leaf.name, ())) for leaf in leaves]
    return messages.Inspection(messages.ActivationOutcome(probes=findings(seen)), tuple(leaves), others)


def _probed(
    activation: messages.Activation, leaves: Sequence[messages.DeployedLeaf]
) -> list[tuple[messages.Probe, messages.ProbeFinding | str]]:
    if not activation.probes:
        return []
    from ansible_collections.anchorage.pki.plugins.module_utils._leaf.probes import probe_once

    return probe_once(activation, leaves)


def _deployed_leaves(
    destination: Destination, names: Sequence[str], layout: Layout
) -> list[tuple[messages.DeployedLeaf, Record]]:
    """Each leaf as it is, and what a server was last made to use of it."""
    with opened_folder(destination.path) as root:
        if root is None:
            return [(messages.DeployedLeaf(name), {}) for name in names]
        with existing_lock(root, destination.path, timeout=destination.lock_timeout):
            swaps = _unsettled_swaps(root)
            return [
                (_deployed_leaf(destination, name, swaps.get(name), layout), _record(destination, name))
                for name in names
            ]


def _unsettled_swaps(root: int) -> dict[str, Swap]:
    if not any(name.startswith(JOURNAL) for name in os.listdir(root)):
        return {}
    from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import read_journals, unsettled

    return unsettled(read_journals(root))


def _other_leaves(destination: Destination, names: Sequence[str]) -> tuple[str, ...]:
    """The names of the destination's leaves that nobody asks about."""
    with opened_folder(destination.path) as root:
        return () if root is None else tuple(sorted(name for name in _leaf_folders(root) if name not in names))


def _leaf_folders(root: int) -> Iterator[str]:
    for name in os.listdir(root):
        with suppress(OSError), opened_subfolder(root, name) as folder:  # somebody's file, or a folder closed to us
            if generations.generation_numbers(folder):
                yield name


def _record(destination: Destination, name: str) -> Record:
    with opened_folder(destination.folder(name)) as folder:
        return {} if folder is None else read_record(folder)


def _deployed_leaf(destination: Destination, name: str, swap: Swap | None, layout: Layout) -> messages.DeployedLeaf:
    """The leaf as it is, or where a ``swap`` is unsettled, as it will be once that is rolled back."""
    drift = (f"the activation of generation {swap.generation} did not complete",) if swap else ()
    with opened_folder(destination.folder(name)) as folder:
        if folder is None:
            return messages.DeployedLeaf(name, drift=drift)
        number = swap.former if swap else pointers.deployed_generation(folder)
        if number == 0:
            return messages.DeployedLeaf(name, drift=drift)
        found = inspect_generation(folder, destination, name, number)
        if found.damage:
            return messages.DeployedLeaf(name, number, damage=found.damage, drift=drift)
        shown = generations.fingerprints(found.files)
        mark = read_mark(folder, number)
        wanted = pointers.wanted_pointing(destination, name, number, STAPLE in found.files, mark is not None)
        return messages.DeployedLeaf(
            name=name,
            generation=number,
            leaf_sha256=shown.leaf,
            chain_sha256=generations.sha256(found.files[CHAIN]) if CHAIN in found.files else "",
            staple_sha256="" if mark else shown.staple,
            pkcs12=PKCS12 in found.files,
            drift=(
                *drift,
                *found.drift,
                *_pointing_drift(pointers.read_pointing(folder), wanted),
                *staple_drift(destination, name, STAPLE in found.files, layout),
                *(_withdrawal_drift(folder, mark) if mark else ()),
            ),
            withdrawn=mark.time if mark else "",
        )


def _pointing_drift(present: pointers.Pointing, wanted: pointers.Pointing) -> list[str]:
    if present == wanted:
        return []
    from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointer_drift import pointing_drift

    return pointing_drift(present, wanted)


def _withdrawal_drift(folder: int, mark: Mark) -> list[str]:
    from ansible_collections.anchorage.pki.plugins.module_utils._leaf.withdrawn_drift import withdrawal_drift

    return withdrawal_drift(folder, mark)


def _is_kept(inquiry: messages.Inquiry, leaf: messages.DeployedLeaf) -> bool:
    """Whether the controller will keep what is deployed, as far as its key is concerned."""
    wanted = (inquiry.keep, inquiry.keep_chain, inquiry.keep_pkcs12)
    return bool(inquiry.keep) and not leaf.damage and wanted == (leaf.leaf_sha256, leaf.chain_sha256, leaf.pkcs12)
