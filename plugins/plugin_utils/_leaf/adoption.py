# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaves that a ledger lacks since it was restored, and that hosts have: taken over once it is certain whose they are,
so that no host gets another one for that alone."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import DeployedLeaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    IssuingAuthority,
    fingerprint,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace, LeafRecord
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.host import CallHost, show
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import LeafPlan
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import is_issued_by, is_responder
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import constraints_of, outside_names
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import names_of


def found_leaves(
    requests: Sequence[LeafRequest],
    deployed: Sequence[DeployedLeaf],
    records: Sequence[LeafRecord | None],
    call: CallHost,
    authority: Authority,
    ledger: Ledger,
) -> dict[str, LeafRecord]:
    """The leaves of the host that the ledger has no record of and could have lost, by their names, as it will have
    them: the authority signed them between a backup and its restore. The host is asked only where there may be one.

    Raises PkiError, HostFailedError.
    """
    wanted = {request.name: request for request in requests}
    lacked = [
        leaf
        for leaf, record in zip(deployed, records, strict=True)
        if record is None and leaf.leaf_sha256 and ledger.revocations.known(leaf.leaf_sha256) is None
    ]
    if not lacked or not ledger.restores.all():
        return {}
    certificates = show(call, [leaf.name for leaf in lacked])
    found = {leaf.name: _record(wanted[leaf.name], leaf, certificates[leaf.name], authority, ledger) for leaf in lacked}
    return {name: record for name, record in found.items() if record is not None}


def _record(
    request: LeafRequest, deployed: DeployedLeaf, pem: str, authority: Authority, ledger: Ledger
) -> LeafRecord | None:
    """The record of one leaf, None where it is another one's, or was no leaf of that time. Its key was made where the
    task has keys made: nothing else tells."""
    certificate = certificate_of(pem, deployed.leaf_sha256)
    issuer = signer_of(certificate, authority) if certificate else None
    if certificate is None or issuer is None or not _may_be_lost(certificate, issuer, ledger):
        return None
    revoked = ledger.revocations.revoked_serial(certificate.serial_number) is not None
    return LeafRecord(
        deployed.leaf_sha256,
        certificate,
        issuer.sha256,
        request.private_key,
        "revoked" if revoked else "signed",
        (),
        issuer.sha256 in ledger.revocations.revoked_authorities(),
    )


def certificate_of(pem: str, sha256: str) -> x509.Certificate | None:
    """The certificate that a host shows, None where it is not the one that it has by its fingerprint."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except (ValueError, x509.InvalidVersion):
        return None
    return certificate if fingerprint(certificate) == sha256 else None


def signer_of(certificate: x509.Certificate, authority: Authority) -> IssuingAuthority | None:
    """The issuing authority that signed a leaf, None for a certificate of somebody else, or of another kind."""
    if is_responder(certificate):
        return None
    return next((one for one in authority.issuers if is_issued_by(certificate, one.certificate)), None)


def _may_be_lost(certificate: x509.Certificate, issuer: IssuingAuthority, ledger: Ledger) -> bool:
    """Whether the ledger lacks a leaf by a restore, and clients accept its names."""
    if ledger.revocations.known_by_serial(certificate.serial_number) is not None:
        return False
    if not any(restore.covers(certificate) for restore in ledger.restores.all()):
        return False
    try:
        return not outside_names(names_of(certificate), constraints_of(issuer.certificate))
    except (ValueError, KeyError, x509.ExtensionNotFound):  # no leaf of this collection's, whatever signed it
        return False


def enter_found(plans: Sequence[LeafPlan], ledger: Ledger) -> None:
    """Enter the leaves that were found for ``plans``, unless another run has done so meanwhile."""
    found = [(plan.place, plan.record) for plan in plans if plan.is_found and plan.record]
    if not found:
        return
    with ledger.transaction():
        for place, record in found:
            if ledger.revocations.known(record.sha256) is None:
                _enter(place, record, ledger)


def _enter(place: LeafPlace, record: LeafRecord, ledger: Ledger) -> None:
    names = [str(name) for name in names_of(record.certificate)]
    ledger.record_leaf(record.certificate, record.issuer_sha256, place, names, record.private_key)
    ledger.revocations.recognize(record.sha256, record.certificate.serial_number)
