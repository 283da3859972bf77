# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first half of a deployment: what the controller sent is checked and staged, where no server can see it yet."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generation_health import (
    Inspection,
    inspect_generation,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import (
    CERTIFICATE,
    CHAIN,
    PKCS12,
    PRIVATE_KEY,
    STAGING,
    STAPLE,
    Fingerprints,
    add_staged_file,
    check_key,
    compose_files,
    fingerprints,
    generation_numbers,
    stage,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.host_keys import build_pkcs12, read_pending_key
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.journal import Swap
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import (
    Pointing,
    deployed_generation,
    read_pointing,
    wanted_pointing,
)
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import is_whole_der
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem import from_pem

LEAF = "leaf"
STAPLE_ONLY = "staple"
REPAIR = "repair"
ACTIONS = (LEAF, STAPLE_ONLY, REPAIR)


@dataclass(frozen=True)
class Request:
    """What the controller wants of one leaf. PEM texts, ``staple`` and ``pkcs12`` in base64; "" for none."""

    name: str
    action: str
    expected_generation: int
    certificate: str = ""
    chain: str = ""
    private_key: str = field(default="", repr=False)
    staple: str = ""
    pkcs12: str = field(default="", repr=False)
    pkcs12_passphrase: str = field(default="", repr=False)


@dataclass(frozen=True)
class Prepared:
    """One leaf, ready to be swapped: its step, what will name it, what it and the former one show to clients.

    ``drifted`` are the deployed generation's files where their attributes have to be mended. With ``uses_pending_key``
    the key was made on this host.
    """

    swap: Swap
    after: Pointing
    shown: Fingerprints
    shown_before: Fingerprints | None
    drifted: tuple[str, ...] = ()
    uses_pending_key: bool = False


def prepare(folder: int, destination: Destination, request: Request) -> Prepared:
    """Check one leaf and stage its new generation in its ``folder``. Raises HostError, OSError."""
    former = deployed_generation(folder)
    if former != request.expected_generation:
        raise HostError(
            f"{request.name}: generation {former} is deployed where {request.expected_generation} was expected: "
            "another run deployed in the meantime. Run the task again."
        )
    found = inspect_generation(folder, destination, request.name, former) if former else Inspection({}, "", [])
    kept = {} if found.damage else found.files
    try:
        if request.action == REPAIR:
            files, number = _require(kept), former
        else:
            files, number = _compose(folder, request, kept), max([former, *generation_numbers(folder)]) + 1
            _stage_checked(folder, destination, request, files)
    except HostError as error:
        raise HostError(f"{request.name}: {error}") from error
    return Prepared(
        swap=Swap(request.name, former, number, read_pointing(folder)),
        after=wanted_pointing(destination, request.name, number, STAPLE in files),
        shown=fingerprints(files),
        shown_before=fingerprints(kept) if kept else None,
        drifted=tuple(kept) if request.action == REPAIR and found.drift else (),
        uses_pending_key=request.action == LEAF and not request.private_key,
    )


def _require(kept: dict[str, bytes]) -> dict[str, bytes]:
    if not kept:
        raise HostError("there is no undamaged generation to build on. Run the task again.")
    return kept


def _compose(folder: int, request: Request, kept: dict[str, bytes]) -> dict[str, bytes]:
    """The files of the new generation, but for a bundle that the host itself has to build."""
    staple = _decode("staple", request.staple)
    pkcs12 = _decode("pkcs12", request.pkcs12)
    if request.action == LEAF:
        certificate, chain = request.certificate, request.chain
        _check_pem(certificate, chain)
        private_key = request.private_key or read_pending_key(folder)
        if not private_key:
            raise HostError("the host has no pending private key for this certificate any more. Run the task again.")
    else:
        former = _require(kept)
        certificate, chain, private_key = (former[name].decode("ascii") for name in (CERTIFICATE, CHAIN, PRIVATE_KEY))
        if not request.pkcs12_passphrase:
            pkcs12 = pkcs12 or kept.get(PKCS12, b"")
    return compose_files(certificate, chain, private_key, staple, pkcs12)


def _decode(option: str, text: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise HostError(f"{option} is not base64.") from error
    if content and not is_whole_der(content):
        raise HostError(f"{option} is not DER, or cut off.")
    return content


def _check_pem(certificate: str, chain: str) -> None:
    if "PRIVATE KEY" in certificate + chain:
        raise HostError("certificate or chain holds a private key, which would be published.")
    try:
        from_pem(certificate)
    except ValueError as error:
        raise HostError("certificate is not one PEM certificate.") from error


def _stage_checked(folder: int, destination: Destination, request: Request, files: dict[str, bytes]) -> None:
    stage(folder, destination, files)
    staging = f"{destination.folder(request.name)}/{STAGING}"
    check_key(staging)
    if request.pkcs12_passphrase and PKCS12 not in files:
        add_staged_file(folder, destination, PKCS12, build_pkcs12(staging, request.name, request.pkcs12_passphrase))
