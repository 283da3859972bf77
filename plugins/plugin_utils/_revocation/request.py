# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task of certificate_revocation names: leaves by their name and host, or one certificate by its serial number
or by a file."""

from __future__ import annotations

import posixpath
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import read_regular_file
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import CERTIFICATE as LEAF_FILE
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import CHAIN
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    CERTIFICATE,
    CertifiedKey,
    IssuingAuthority,
    fingerprint,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import (
    CROSS,
    UNRECORDED,
    KnownCertificate,
    LeafPlace,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.revocations import Revocations
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import is_issued_by, is_responder
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import UNSPECIFIED

LARGEST_FILE = 1024 * 1024
_BY_FILE = " A leaf that the ledger lacks since it was restored can be named by its file (option certificate)."
#: The arguments of a task that names no certificate.
NOTHING: Mapping[str, Any] = {
    **dict.fromkeys(("name", "host", "destination", "serial", "certificate")),
    "reason": UNSPECIFIED,
    "reissue": True,
}


@dataclass(frozen=True)
class RevocationRequest:
    """That certificates are to be revoked: why (one of ``revocation_lists.REASONS``), and whether the places of leaves
    are to have others."""

    reason: str
    reissue: bool


@dataclass(frozen=True)
class Target:
    """A certificate that a task names, and what the task changes of it. ``good_until`` is the end of the last staple
    or response that says good of it, or of the leaves of an issuing certificate; None where there is none. ``places``
    is in how many places such leaves are in use, or may be. ``spared`` are the serial numbers of the leaves in its
    place which the task names, too, and leaves alone, since it finishes the revocation of this one. ``is_listed`` is
    whether a list of this authority tells of it: where its issuer is another one, only that one's does."""

    known: KnownCertificate
    request: RevocationRequest
    good_until: datetime | None
    places: int
    spared: tuple[int, ...] = ()
    is_listed: bool = True

    @property
    def is_new(self) -> bool:
        """Whether it is revoked by this task."""
        return self.known.revocation is None

    @property
    def reissue(self) -> bool | None:
        """Whether the place of a leaf is to have another one after the task; None of what had no place when it was
        revoked: an issuing certificate, or a leaf that was replaced before. One that was replaced since blocks no
        place, but may have blocked it until then."""
        revocation = self.known.revocation
        if revocation is None:
            return self.request.reissue if self.known.has_place else None
        may_change = revocation.reissue is not None and (self.request.reissue or self.known.has_place)
        return self.request.reissue if may_change else revocation.reissue

    @property
    def is_replaced(self) -> bool:
        """Whether the task is to block the place of a leaf which another one has already."""
        if self.known.kind != "leaf" or not self.known.place.host:
            return False
        return not self.request.reissue and self.reissue is not False

    @property
    def changed(self) -> bool:
        return self.known.revocation is None or self.known.revocation.reissue != self.reissue


def find_targets(
    arguments: Mapping[str, Any],
    signers: Sequence[CertifiedKey],
    revocations: Revocations,
    now: datetime,
    publishes: bool = False,
) -> list[Target]:
    """The certificates that a task names, none where it names none; by a file also one that the authority's ``signers``
    have signed and its ledger lacks. ``publishes`` is whether the task does. Raises PkiError where it names what is
    unknown, or cannot be revoked."""
    request = RevocationRequest(arguments["reason"], arguments["reissue"])
    if arguments["name"] is not None:
        places = _at(arguments, revocations, now)
        named = {known: spared for leaves in places for known, spared in _meant(leaves, revocations, now, publishes)}
    else:
        named = dict.fromkeys(_named(arguments, signers, revocations, now), ())
    own = {signer.sha256 for signer in signers}
    return [
        Target(
            known,
            request,
            revocations.good_until(known.sha256),
            revocations.places_under(known.sha256, now),
            spared,
            known.issuer_sha256 in own,
        )
        for known, spared in named.items()
    ]


def _named(
    arguments: Mapping[str, Any], signers: Sequence[CertifiedKey], revocations: Revocations, now: datetime
) -> list[KnownCertificate]:
    if arguments["serial"] is not None:
        serial = parse_serial(arguments["serial"])
        return [_revocable(revocations.known_by_serial(serial), f"serial: {arguments['serial']!r}", now, _BY_FILE)]
    if arguments["certificate"] is not None:
        return [_in_file(Path(arguments["certificate"]), signers, revocations, now)]
    return []


def _unrecorded(
    certificate: x509.Certificate, signers: Sequence[CertifiedKey], revocations: Revocations
) -> KnownCertificate | None:
    """A certificate that one of ``signers`` has signed and the ledger lacks, None for one that none of them has. By its
    serial number it is looked for again, as a signature by ECDSA can be altered so that it stays valid."""
    signer = next((each for each in signers if is_issued_by(certificate, each.certificate)), None)
    if signer is None:
        return None
    if isinstance(signer, IssuingAuthority):
        kind = "responder" if is_responder(certificate) else "leaf"
    elif certificate.issuer == certificate.subject:
        kind = "root"
    else:
        roots = [each.certificate.subject for each in signers if not isinstance(each, IssuingAuthority)]
        kind = CROSS if certificate.subject in roots else "issuing"
    serial, nowhere = certificate.serial_number, LeafPlace("", "", "")
    revoked = revocations.revoked_serial(serial)
    found = KnownCertificate(
        fingerprint(certificate), kind, signer.sha256, nowhere, certificate, UNRECORDED, False, revoked
    )
    return revocations.known_by_serial(serial) or found


def parse_serial(text: str) -> int:
    """A serial number in hexadecimal, with colons or without. Raises PkiError."""
    digits = text.replace(":", "")
    if not digits or not set(digits) <= set(string.hexdigits):
        raise PkiError(f"serial: {text!r} is not a number in hexadecimal. Quote it, such as '0a1b2c' or '0A:1B:2C'.")
    return int(digits, 16)


def _at(arguments: Mapping[str, Any], revocations: Revocations, now: datetime) -> list[list[KnownCertificate]]:
    """The leaves that a task names, by their places."""
    name, host = arguments["name"], arguments["host"] or ""  # without one, of a request that somebody brought
    # As leaf_certificate has it in the ledger.
    destination = posixpath.normpath(arguments["destination"]) if arguments["destination"] else None
    by_place: dict[LeafPlace, list[KnownCertificate]] = {}
    for known in revocations.known_at(host, name, now):
        if destination in (None, known.place.destination):
            by_place.setdefault(known.place, []).append(known)
    if not by_place:
        if not host:
            raise PkiError(
                f"name: the ledger knows no leaf {name!r} that requested_certificate signed and that has not ended. Of "
                "a leaf on a host, give the host, too (option host); others have a serial number."
            )
        where = f" in {destination}" if destination else ""
        raise PkiError(
            f"name: the ledger knows no leaf {name!r} of host {host!r}{where} that is in use and has not ended. "
            "certificate_authority_info with places=all lists those in use; others have a serial number."
        )
    return list(by_place.values())


def _meant(
    leaves: Sequence[KnownCertificate], revocations: Revocations, now: datetime, publishes: bool
) -> list[tuple[KnownCertificate, tuple[int, ...]]]:
    """Those of the ``leaves`` of a place that a task means, each with the serial numbers of those that it spares.

    It means those that are not revoked, and those for which the place is to have no other one, or else the last one. So
    the same task again finds what it did; also where that was cut off or failed, and its leaf was replaced.
    """
    unfinished = [leaf for leaf in leaves if _is_unfinished(leaf, revocations, now, publishes)]
    if unfinished:
        spared = tuple(leaf.certificate.serial_number for leaf in leaves if leaf.revocation is None)
        return [(leaf, spared) for leaf in unfinished]
    meant = [leaf for leaf in leaves if leaf.revocation is None or leaf.revocation.reissue is False]
    return [(leaf, ()) for leaf in meant or leaves[-1:]]


def _is_unfinished(leaf: KnownCertificate, revocations: Revocations, now: datetime, publishes: bool) -> bool:
    """Whether a revocation is not published yet where the task ``publishes``, or its host may still show a staple."""
    if leaf.revocation is None:
        return False
    return (publishes and leaf.revocation.published_at is None) or revocations.may_be_shown(leaf.sha256, now)


def _in_file(path: Path, signers: Sequence[CertifiedKey], revocations: Revocations, now: datetime) -> KnownCertificate:
    """The one certificate in a file. A revocation cannot be taken back: which one is meant must be beyond doubt."""
    found = [
        (certificate, revocations.known(fingerprint(certificate)) or _unrecorded(certificate, signers, revocations))
        for certificate in _read(path)
    ]
    if len(found) > 1:
        named = ", ".join(_named_certificate(certificate, known) for certificate, known in found)
        raise PkiError(
            f"certificate: {path} holds {len(found)} certificates: {named}. Name a file with the one that is to be "
            "revoked, and no other, or its serial number."
        )
    ((certificate, known),) = found
    if known is not None and known.kind == "issuing" and path.name == CHAIN:
        raise PkiError(
            f"certificate: {path} holds {_named_certificate(certificate, known)}, as the file of that name in the "
            f"folder of a leaf does. The leaf's own certificate is {LEAF_FILE}. Where the issuing authority is meant, "
            f"with all that it signed, name {CERTIFICATE} in its folder, or its serial number."
        )
    return _revocable(known, f"certificate: {path}", now)


def _named_certificate(certificate: x509.Certificate, known: KnownCertificate | None) -> str:
    kind = f"the {known.kind} certificate" if known else "a certificate of another authority,"
    return f"{kind} {certificate.serial_number:x} ({certificate.subject.rfc4514_string()})"


def _read(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(read_regular_file(path, LARGEST_FILE))
    except OSError as error:
        raise PkiError(f"certificate: {path} cannot be read: {error.strerror}.") from error
    except (ValueError, x509.InvalidVersion) as error:
        raise PkiError(f"certificate: {path} holds no certificate in PEM, or a damaged one.") from error


def _revocable(known: KnownCertificate | None, named: str, now: datetime, advice: str = "") -> KnownCertificate:
    """Raise PkiError where the certificate that was ``named`` so cannot be revoked; with ``advice`` where it is
    unknown."""
    if known is None:
        raise PkiError(f"{named} is no certificate of this authority. Check the option authority.{advice}")
    if known.kind == "root":
        raise PkiError(f"{named} is a root, which no list can revoke. Remove it from hosts with trust_anchor.")
    if known.kind == "responder":
        raise PkiError(
            f"{named} is an OCSP responder, whose status nobody asks (RFC 6960, section 4.2.2.2.1). Revoke its issuing "
            "authority where its key was taken."
        )
    end = known.certificate.not_valid_after_utc
    if end <= now and known.revocation is None:  # one that is revoked may still keep its place from another leaf
        raise PkiError(
            f"{named} ended on {end:%Y-%m-%d}: nobody accepts it any more, so that nothing is to be revoked."
        )
    return known
