# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first of the two round trips: what is deployed, read without starting a single program.

A key that is to be made on the host is the exception: it is made here, so that its request can travel back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import created_folder, opened_folder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import (
    Destination,
    check_names,
    exclusive_lock,
    existing_lock,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generation_health import inspect_generation
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import (
    CHAIN,
    PKCS12,
    STAPLE,
    fingerprints,
    sha256,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.host_keys import openssl_program, pending_request
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import Swap, read_journals, unsettled
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import (
    deployed_generation,
    pointing_drift,
    wanted_pointing,
)


@dataclass(frozen=True)
class Inquiry:
    """What the controller asks about one leaf.

    ``keep`` is the SHA-256 of the leaf that it would keep, or "", ``keep_chain`` that of its chain.pem;
    ``keep_pkcs12`` is whether it would keep it with a PKCS#12 file.
    """

    name: str
    host_key: bool
    key_type: str
    keep: str
    keep_chain: str
    keep_pkcs12: bool

    def is_met_by(self, entry: Mapping[str, Any]) -> bool:
        """Whether what is deployed can stay, as far as its key is concerned."""
        wanted = (self.keep, self.keep_chain, self.keep_pkcs12)
        deployed = (entry["leaf_sha256"], entry["chain_sha256"], entry["pkcs12"])
        return bool(self.keep) and not entry["damage"] and wanted == deployed


def report(destination: Destination, inquiries: list[Inquiry], check_mode: bool) -> list[dict[str, Any]]:
    """What is deployed of each leaf. Changes nothing but for pending host keys, and in check mode nothing at all.

    Raises HostError, OSError.
    """
    check_names([inquiry.name for inquiry in inquiries])
    with opened_folder(destination.path) as folder:
        if folder is None:
            entries = [_nothing(inquiry.name) for inquiry in inquiries]
        else:
            with existing_lock(folder, destination.path):
                swaps = unsettled(read_journals(folder))
                entries = [_describe(destination, inquiry.name, swaps) for inquiry in inquiries]
    needed = [
        (inquiry, entry)
        for inquiry, entry in zip(inquiries, entries)
        if inquiry.host_key and not inquiry.is_met_by(entry)
    ]
    if needed:
        openssl_program()  # before a folder is made in vain
        if not check_mode:
            _add_requests(destination, needed)
    return entries


def _nothing(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "generation": 0,
        "leaf_sha256": "",
        "chain_sha256": "",
        "staple_sha256": "",
        "pkcs12": False,
        "damage": "",
        "drift": [],
        "csr": "",
    }


def _describe(destination: Destination, name: str, swaps: Mapping[str, Swap]) -> dict[str, Any]:
    entry = _nothing(name)
    if name in swaps:
        entry["drift"].append(f"the activation of generation {swaps[name].generation} was not brought to an end")
    with opened_folder(destination.folder(name)) as folder:
        if folder is None:
            return entry
        number = swaps[name].former if name in swaps else deployed_generation(folder)
        if number == 0:
            return entry
        found = inspect_generation(folder, destination, name, number)
        entry.update(generation=number, damage=found.damage)
        if not found.damage:
            _describe_content(entry, found.files)
            wanted = wanted_pointing(destination, name, number, STAPLE in found.files)
            entry["drift"] += found.drift + pointing_drift(folder, wanted)
    return entry


def _describe_content(entry: dict[str, Any], files: Mapping[str, bytes]) -> None:
    shown = fingerprints(files)
    entry.update(
        leaf_sha256=shown.leaf,
        chain_sha256=sha256(files[CHAIN]),
        staple_sha256=shown.staple,
        pkcs12=PKCS12 in files,
    )


def _add_requests(destination: Destination, needed: list[tuple[Inquiry, dict[str, Any]]]) -> None:
    """Make a pending key, and say its request, for each leaf that needs a new one of this host."""
    with _locked_for_writing(destination):
        for inquiry, entry in needed:
            with created_folder(destination.folder(inquiry.name)) as folder:
                entry["csr"] = pending_request(folder, destination, inquiry.name, inquiry.key_type)


@contextmanager
def _locked_for_writing(destination: Destination) -> Iterator[None]:
    with created_folder(destination.path) as folder, exclusive_lock(folder, destination.path):
        yield
