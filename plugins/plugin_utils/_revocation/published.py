# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The published lists beside the ledger: one that was restored is older than they are, and takes for good what they say
is revoked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.revocations import Revocations, StoredList
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.issuers import (
    ListIssuer,
    list_issuers,
    with_lost_issuers,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import list_path, read_list

# How many serial numbers an error names, and a time before all revocations.
_SHOWN = 10
_EVER = datetime.fromtimestamp(0, timezone.utc)


@dataclass(frozen=True)
class PublishedList:
    """A published list: its number, and the serial numbers of what it says is revoked. Of one that the ledger has,
    byte by byte, the latter are left out: the ledger has them, too."""

    number: int = 0
    serials: frozenset[int] = frozenset()


def published_lists(
    folder: Path | None, issuers: Sequence[ListIssuer], revocations: Revocations
) -> dict[str, PublishedList]:
    """The list of each issuer in ``folder``, by the identifier of its key; an empty one where there is none that the
    issuer signed. Raises PkiError."""
    return {
        issuer.identifier: _published(folder, issuer, revocations) if folder else PublishedList() for issuer in issuers
    }


def check_published(
    folder: Path | None,
    published: Mapping[str, PublishedList],
    issuers: Sequence[ListIssuer],
    ledger: Ledger,
    planned: Collection[int] = (),
) -> None:
    """Raise PkiError where a list that is ``published`` says of more than the ledger, and what is ``planned`` to be
    revoked, that it is revoked: a ledger that was restored would make it good again. One that says of itself that it
    was restored has to be told first what was revoked since."""
    _check_restored(ledger)
    for issuer in issuers:
        serials = published[issuer.identifier].serials
        if not folder or not serials:
            continue
        entered = ledger.revocations.revoked_under(issuer.certificates, _EVER)
        missing = sorted(serials.difference(planned, (entry.serial for entry in entered)))
        if missing:
            shown = ", ".join(f"{serial:x}" for serial in missing[:_SHOWN])
            more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
            raise PkiError(
                f"publish: {folder / list_path(issuer.identifier)} says that {shown}{more} (serial numbers) are "
                "revoked, and the ledger does not: it is older than what is published. Nothing was signed. Revoke them "
                "by their serials, or those that it lacks by their files (playbook revoke), then run again. Without "
                "such files, restore a newer copy of the authority's folder; to give them up, move the list away."
            )


def check_ledger(folder: Path | None, authority: Authority, ledger: Ledger, now: datetime) -> None:
    """Raise PkiError where the ledger is older than the lists published in ``folder``, None for nowhere, before
    anything is signed by what it knows. A list that cannot be read says nothing."""
    _check_restored(ledger)
    if folder is None:
        return
    revocations = ledger.revocations
    issuers = list_issuers(
        with_lost_issuers(authority, revocations.issuing_certificates()), ledger.last_leaf_ends(), now
    )
    try:
        published = published_lists(folder, issuers, revocations)
    except PkiError:  # whoever publishes is told, and hosts go on to get leaves
        return
    check_published(folder, published, issuers, ledger)


def _check_restored(ledger: Ledger) -> None:
    pending = ledger.restores.pending()
    if pending is not None:
        raise PkiError(str(pending))


def signed_list(der: bytes, issuer: ListIssuer) -> x509.CertificateRevocationList | None:
    """The list in ``der`` that the issuer has signed, None for anything else."""
    try:
        found = x509.load_der_x509_crl(der)
        if found.is_signature_valid(issuer.signer.certificate.public_key()):  # type: ignore[arg-type]
            number_of(found)
            return found
    except (ValueError, x509.InvalidVersion, x509.ExtensionNotFound):
        pass
    return None


def number_of(signed: x509.CertificateRevocationList) -> int:
    """The number of a list."""
    return signed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def _published(folder: Path, issuer: ListIssuer, revocations: Revocations) -> PublishedList:
    # Before the ledger is asked: another run signs a list, and enters that, before it publishes it.
    der = read_list(folder, issuer.identifier)
    for stored in _stored(issuer, revocations):
        if stored.signed.der == der:
            return PublishedList(stored.signed.number)
    found = signed_list(der, issuer)
    if found is None:  # what is damaged is written anew
        return PublishedList()
    return PublishedList(number_of(found), frozenset(entry.serial_number for entry in found))


def _stored(issuer: ListIssuer, revocations: Revocations) -> list[StoredList]:
    """Those lists of the issuer that can be published."""
    stored = (revocations.last_list(issuer.identifier), revocations.published_list(issuer.identifier))
    return [each for each in stored if each is not None]
