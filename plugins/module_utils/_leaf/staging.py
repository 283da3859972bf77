# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Staging, the first half of a deployment: what the controller sent is checked and written where no server sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import (
    CERTIFICATE,
    CHAIN,
    PKCS12,
    PRIVATE_KEY,
    STAPLE,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generation_changes import (
    STAGING,
    add_staged_file,
    compose_files,
    stage_files,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generation_health import (
    GenerationHealth,
    inspect_generation,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import (
    Fingerprints,
    fingerprints,
    generation_numbers,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.host_keys import build_pkcs12, read_pending_key
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import Swap
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.key_check import check_key
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import LEAF, REPAIR, Delivery
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import (
    Pointing,
    deployed_generation,
    read_pointing,
    wanted_pointing,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.withdrawn import read_mark
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import is_whole_der
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import from_pem


@dataclass(frozen=True)
class StagedLeaf:
    """One leaf, ready to be swapped: its step, what will name it, what it and the former one show to clients.

    ``drifted`` are the deployed generation's files where their attributes have to be repaired. With
    ``uses_pending_key`` the key was made on this host; ``withdrawn`` is whether its staple was, and stays so.
    """

    swap: Swap
    after: Pointing
    shown: Fingerprints
    shown_before: Fingerprints | None
    drifted: tuple[str, ...] = ()
    uses_pending_key: bool = False
    withdrawn: bool = False


#: Stages the files of a new generation in a leaf's folder, by what is delivered and the files of the deployed
#: generation, and returns them. Raises HostError, OSError.
StageFiles = Callable[[int, Destination, Delivery, Mapping[str, bytes]], dict[str, bytes]]


def stage_leaf(folder: int, destination: Destination, delivery: Delivery, stage: StageFiles) -> StagedLeaf:
    """Check one leaf and stage its new generation in its ``folder``. Raises HostError, OSError."""
    former = deployed_generation(folder)
    if former != delivery.expected_generation:
        raise HostError(
            f"{delivery.name}: generation {former} is deployed where {delivery.expected_generation} was expected: "
            "another run deployed in the meantime. Run the task again."
        )
    found = inspect_generation(folder, destination, delivery.name, former) if former else GenerationHealth({}, "", [])
    kept = {} if found.damage else found.files
    was_withdrawn = read_mark(folder, former) is not None
    withdrawn = was_withdrawn and delivery.action == REPAIR
    try:
        if delivery.action == REPAIR:
            files, number = dict(_require(kept)), former
        else:
            files = stage(folder, destination, delivery, kept)
            number = max([former, *generation_numbers(folder)]) + 1
    except HostError as error:
        raise HostError(f"{delivery.name}: {error}") from error
    return StagedLeaf(
        swap=Swap(delivery.name, former, number, read_pointing(folder)),
        after=wanted_pointing(destination, delivery.name, number, STAPLE in files, withdrawn),
        shown=_shown(files, withdrawn),
        shown_before=_shown(kept, was_withdrawn) if kept else None,
        drifted=tuple(kept) if delivery.action == REPAIR and found.drift else (),
        uses_pending_key=delivery.action == LEAF and not delivery.private_key,
        withdrawn=withdrawn,
    )


def _shown(files: Mapping[str, bytes], withdrawn: bool) -> Fingerprints:
    shown = fingerprints(files)
    return shown._replace(staple="") if withdrawn else shown


def _require(kept: Mapping[str, bytes]) -> Mapping[str, bytes]:
    if not kept:
        raise HostError("there is no undamaged generation to build on. Run the task again.")
    return kept


def stage_leaf_files(
    folder: int, destination: Destination, delivery: Delivery, kept: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Stage key, certificate, chain and staple. Raises HostError, OSError."""
    files = _compose(folder, delivery, kept)
    stage_files(folder, destination, files)
    staging = f"{destination.folder(delivery.name)}/{STAGING}"
    check_key(staging)
    if delivery.pkcs12_passphrase and PKCS12 not in files:
        add_staged_file(folder, destination, PKCS12, build_pkcs12(staging, delivery.name, delivery.pkcs12_passphrase))
    return files


def _compose(folder: int, delivery: Delivery, kept: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of the new generation, without a bundle that the host itself has to build."""
    pkcs12 = delivery.pkcs12
    for option, content in (("staple", delivery.staple), ("pkcs12", pkcs12)):
        if content and not is_whole_der(content):
            raise HostError(f"{option} is truncated or not DER.")
    if delivery.action == LEAF:
        certificate, chain = delivery.certificate, delivery.chain
        _check_pem(certificate, chain)
        private_key = delivery.private_key or read_pending_key(folder)
        if not private_key:
            raise HostError("the host no longer has a pending private key for this certificate. Run the task again.")
    else:
        former = _require(kept)
        certificate, chain, private_key = (former[name].decode("ascii") for name in (CERTIFICATE, CHAIN, PRIVATE_KEY))
        if not delivery.pkcs12_passphrase:
            pkcs12 = pkcs12 or kept.get(PKCS12, b"")
    return compose_files(certificate, chain, private_key, delivery.staple, pkcs12)


def _check_pem(certificate: str, chain: str) -> None:
    if "PRIVATE KEY" in certificate + chain:
        raise HostError("certificate or chain holds a private key, which would be published.")
    try:
        from_pem(certificate)
    except ValueError as error:
        raise HostError("certificate is not one PEM certificate.") from error
