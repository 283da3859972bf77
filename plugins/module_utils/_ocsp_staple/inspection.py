# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inspection: which certificates the host has, and what is deployed for them. Starts no program, changes nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple, replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder, read_file
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.errors import translated_errors
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import PRIVATE_KEY, STAPLE
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import sha256
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.inspection import inspect_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import LARGEST_MOMENT, DeployedLeaf, Inquiry
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.link import link_drift, link_problem
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import (
    LARGEST_STAPLE,
    DeployedStaple,
    StapleInquiry,
    StapleInspection,
)
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.source import Source, read_source
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.drift import Withdrawal, with_drift
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.standing import MARGIN
from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_file import (
    CertificateFileError,
    read_certificates,
)
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import to_pem
from ansible_collections.anchorage.pki.plugins.module_utils._x509.staple import read_staple


class Found(NamedTuple):
    """The certificate that the host has, in DER, and what may be its issuers; or the problem with reading them."""

    certificate: bytes = b""
    chain: tuple[bytes, ...] = ()
    problem: str = ""


def inspect_staples(inquiries: Sequence[StapleInquiry], withdrawal: Withdrawal) -> StapleInspection:
    """What the host has, and what is deployed for it, where ``withdrawal`` says. Raises HostError."""
    destination = withdrawal.destination
    check_paths([inquiry.certificate for inquiry in inquiries])
    found = [find_certificate(inquiry.certificate, inquiry.issuer) for inquiry in inquiries]
    # What is deployed is kept as long as it is for the certificate that the host has.
    asked = [
        Inquiry(inquiry.name, keep=sha256(each.certificate) if each.certificate else "")
        for inquiry, each in zip(inquiries, found)
    ]
    inspection = inspect_leaves(destination, asked, withdrawal.activation, layout=withdrawal.layout)
    with translated_errors(destination.path):
        contents = [_staple(destination, leaf) for leaf in inspection.certificates]
        asked = [replace(each, withdraw_at=_withdraw_at(content)) for each, content in zip(asked, contents)]
        inspection = with_drift(inspection, asked, withdrawal)
        staples = [
            _deployed_staple(destination, inquiry, each, leaf, content)
            for inquiry, each, leaf, content in zip(inquiries, found, inspection.certificates, contents)
        ]
    return StapleInspection(
        inspection.activation, tuple(staples), inspection.others, inspection.notices, inspection.withdrawal
    )


def check_paths(paths: Sequence[str]) -> None:
    """Raise HostError unless all are absolute paths as the system writes them."""
    for path in paths:
        if not os.path.isabs(path) or os.path.normpath(path) != path or not path.isprintable():
            raise HostError(f"certificate: {path!r} must be an absolute path without . and .. in it.")


def find_certificate(path: str, issuer: str) -> Found:
    """The first certificate at ``path``, with those after it, or with those in the file ``issuer``."""
    try:
        certificate, *chain = read_certificates(path)
        return Found(certificate, tuple(read_certificates(issuer) if issuer else chain))
    except CertificateFileError as error:
        return Found(problem=str(error))


def _deployed_staple(
    destination: Destination, inquiry: StapleInquiry, found: Found, leaf: DeployedLeaf, staple: bytes
) -> DeployedStaple:
    with opened_folder(destination.folder(leaf.name)) as folder:
        source = read_source(folder)
    # One that is larger than any was put there by somebody else.
    is_shown = leaf.staple_sha256 and len(staple) <= LARGEST_STAPLE
    return DeployedStaple(
        name=leaf.name,
        path=inquiry.certificate,
        certificate=to_pem(found.certificate) if found.certificate else "",
        chain="".join(map(to_pem, found.chain)),
        problem=found.problem
        or _foreign_folder(destination, leaf)
        or link_problem(destination, inquiry.name, inquiry.certificate),
        generation=leaf.generation,
        leaf_sha256=leaf.leaf_sha256,
        staple=staple if is_shown else b"",
        damage=leaf.damage,
        drift=(*leaf.drift, *_drift(destination, inquiry, source)) if leaf.generation else leaf.drift,
        unserved=leaf.unserved,
        withdrawn=leaf.withdrawn,
        failures=source.failures,
        failure=source.failure,
        next_attempt=source.next_attempt,
    )


def _foreign_folder(destination: Destination, leaf: DeployedLeaf) -> str:
    """Why a staple's folder is none, as a sentence without its end: a generation without a key would follow there on
    one with a key. Raises HostError, OSError."""
    with opened_folder(destination.generation(leaf.name, leaf.generation)) as generation:
        if generation is None or PRIVATE_KEY not in os.listdir(generation):
            return ""
    return f"{destination.folder(leaf.name)} has a leaf certificate in it: choose another name or destination"


def _drift(destination: Destination, inquiry: StapleInquiry, source: Source) -> list[str]:
    """What is wrong beyond what is wrong with leaves, too."""
    link = link_drift(destination, inquiry.name, inquiry.certificate)
    if source.certificate == inquiry.certificate:
        return link
    return [*link, f"it is on record for {source.certificate or 'no certificate'}, not for {inquiry.certificate}"]


def _staple(destination: Destination, leaf: DeployedLeaf) -> bytes:
    """The staple of the deployed generation, be it withdrawn or not; none where that one is damaged."""
    if not leaf.leaf_sha256:
        return b""
    with opened_folder(destination.generation(leaf.name, leaf.generation)) as generation:
        return b"" if generation is None else read_file(generation, STAPLE) or b""


def _withdraw_at(staple: bytes) -> int:
    """When the staple has to be withdrawn at the latest. With one that cannot be read, which the controller replaces,
    no timer is too late."""
    if not staple:
        return 0
    with suppress(DerError):
        return read_staple(staple).end - MARGIN
    return LARGEST_MOMENT
