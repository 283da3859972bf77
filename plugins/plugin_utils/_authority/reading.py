# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An authority, read from its folder and checked: every certificate in it was signed by the one it should be."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    CERTIFICATE,
    CROSS,
    DELEGATED,
    INTERMEDIATES,
    LEDGER,
    LOCK,
    POLICY,
    Authority,
    CertifiedKey,
    Epoch,
    IssuingAuthority,
    Standing,
    fingerprint,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import REQUEST, IssuingRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger_urls import LEDGER_URL
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.next_policy import policy_in_force, stored_next
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import decode_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import Rotation
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    InvalidSignature,
    NameOID,
    UnsupportedAlgorithm,
    serialization,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityMissingError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import check_folder, read_public
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import is_issued_by, root_subject

# What an authority's making may leave when it is cut off before the policy is there, SQLite's own files included.
BEFORE_THE_POLICY = (LOCK, LEDGER, LEDGER_URL, f".{LEDGER_URL}.", f".{POLICY}.")


def read_authority(folder: Path) -> Authority:
    """Read the authority in ``folder``.

    Raises AuthorityMissingError where there is none, PkiError where the folder is unsafe, foreign or damaged.
    """
    if not _is_there(folder):
        raise AuthorityMissingError(
            f"There is no authority in {folder}. Make one with anchorage.pki.certificate_authority, or name its folder "
            "with the option authority."
        )
    if _is_foreign(folder):
        raise PkiError(
            f"{folder} contains files but no {POLICY}: it is not an authority, or a damaged one. "
            "Choose another folder with the option authority, or restore it from a backup."
        )
    check_folder(folder)
    policy_path = folder / POLICY
    if not policy_path.exists():
        raise AuthorityMissingError(
            f"There is no authority in {folder}, or an unfinished one. Make or complete it with "
            "anchorage.pki.certificate_authority, or name its folder with the option authority."
        )
    # In this order: a policy that was brought is in the file of all before its own one goes, and in the ledger first.
    following = stored_next(folder)
    policy = decode_policy(read_public(policy_path), str(policy_path))
    roots = _read_certified_keys(folder / "root")
    issuers, request = _read_issuers(folder / "issuing", policy.external_root)
    if issuers and not roots:
        raise PkiError(f"{folder / 'root'} is missing. Restore the authority's folder from a backup.")
    groups = _by_key(roots)
    rotations, revoked = _read_rotations(folder) if len(groups) > 1 else ([], set())
    policy = policy_in_force(policy, following, rotations)
    authority = Authority(folder, policy, _epochs(groups, rotations, revoked), request).with_issuers(issuers)
    _check_parts(authority)
    return authority


def read_delegated(folder: Path) -> tuple[CertifiedKey, ...]:
    """The authorities of development proxies below the root, which sign nothing here. Raises PkiError."""
    return _read_certified_keys(folder / DELEGATED)


def _is_there(folder: Path) -> bool:
    try:
        return folder.exists()
    except OSError as error:
        raise PkiError(f"{folder} cannot be reached: {error.strerror}. Check the option authority.") from error


def _is_foreign(folder: Path) -> bool:
    """Whether something else than an authority, be it an unfinished one, is there to be seen."""
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:  # check_folder reports it
        return False
    return POLICY not in names and not all(name.startswith(BEFORE_THE_POLICY) for name in names)


def _read_issuers(folder: Path, are_requested: bool) -> tuple[tuple[IssuingAuthority, ...], IssuingRequest | None]:
    """The issuing authorities, and the request for the next one where their certificates ``are_requested``."""
    folders = _numbered(folder)
    request = None
    if are_requested and folders and not (folders[-1] / CERTIFICATE).exists():
        request = _read_request(folders.pop())
    return tuple(_read_issuer(each) for each in folders), request


def _read_issuer(folder: Path) -> IssuingAuthority:
    path = folder / INTERMEDIATES
    try:
        text = read_public(path) if path.exists() else b""
        intermediates = tuple(x509.load_pem_x509_certificates(text)) if text else ()
    except ValueError as error:
        raise _damaged(path, "certificates") from error
    certificate = _read_certificate(folder / CERTIFICATE)
    return IssuingAuthority(folder, certificate, _read_certified_keys(folder / "responder"), intermediates)


def _read_request(folder: Path) -> IssuingRequest:
    try:
        return IssuingRequest(folder, x509.load_pem_x509_csr(read_public(folder / REQUEST)))
    except ValueError as error:
        raise _damaged(folder / REQUEST, "a request") from error


def _numbered(folder: Path) -> list[Path]:
    """The folders of certificates in ``folder``, in the order of their numbers."""
    if not folder.is_dir():
        return []
    return [
        folder / str(number) for number in sorted(int(one.name) for one in folder.iterdir() if one.name.isdecimal())
    ]


def _read_certified_keys(folder: Path) -> tuple[CertifiedKey, ...]:
    return tuple(CertifiedKey(each, _read_certificate(each / CERTIFICATE)) for each in _numbered(folder))


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(read_public(path))
    except (ValueError, x509.InvalidVersion) as error:
        raise _damaged(path, "a certificate") from error


def _damaged(path: Path, what: str) -> PkiError:
    return PkiError(f"{path} is no longer {what}. Restore the authority's folder from a backup.")


def _by_key(roots: Sequence[CertifiedKey]) -> list[list[CertifiedKey]]:
    by_key: dict[bytes, list[CertifiedKey]] = {}
    for root in roots:
        by_key.setdefault(_public_key(root), []).append(root)
    return list(by_key.values())


def _read_rotations(folder: Path) -> tuple[list[Rotation], set[str]]:
    """The rotations, and the fingerprints of the cross-certificates that were revoked."""
    with open_ledger(folder / LEDGER, read_only=True) as ledger:
        return ledger.rotations.all(), ledger.revocations.revoked_crosses()


def _epochs(
    groups: Sequence[Sequence[CertifiedKey]], rotations: Sequence[Rotation], revoked: Collection[str]
) -> tuple[Epoch, ...]:
    """The epochs of the roots, grouped by their keys; those whose cross-certificate is among the ``revoked`` ones have
    none any more. Raises PkiError for a key that the ledger knows nothing of."""
    standings = _standings(groups, rotations) if len(groups) > 1 else [Standing.ACTIVE] * len(groups)
    return tuple(
        Epoch(number, standing, tuple(group), (), _read_cross(group[0].folder, revoked))
        for number, (standing, group) in enumerate(zip(standings, groups, strict=True), 1)
    )


def _read_cross(folder: Path, revoked: Collection[str]) -> x509.Certificate | None:
    """The certificate by which a former root vouches for the one in ``folder``, the first one of its epoch; None where
    there is none, or it is ``revoked``."""
    cross = _read_certificate(folder / CROSS) if (folder / CROSS).exists() else None
    return None if cross is None or fingerprint(cross) in revoked else cross


def _public_key(root: CertifiedKey) -> bytes:
    key = root.certificate.public_key()
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _standings(groups: Sequence[Sequence[CertifiedKey]], rotations: Sequence[Rotation]) -> list[Standing]:
    """Where the epochs of these groups of roots stand, as the ledger has it. Raises PkiError where it does not."""
    told: dict[int, Standing] = {}
    for rotation in rotations:
        for i, group in enumerate(groups):
            told.update((i, rotation.standings[one.sha256]) for one in group if one.sha256 in rotation.standings)
    active = next((groups[i] for i, standing in told.items() if standing is Standing.ACTIVE), None)
    # Without one, the ledger knows of no rotation, or is of another time than the folder.
    others = [group for i, group in enumerate(groups) if i not in told or active is None]
    reference = active or max(groups, key=lambda group: group[-1].number)
    for group in others:
        if group is not reference:
            raise _unknown_to_the_ledger(group[0], reference[-1])
    return [told[i] for i in range(len(groups))]


def _check_parts(authority: Authority) -> None:
    """Raise PkiError where a part is another authority's, which was mixed in by a copy or a backup.

    Of an issuing authority's many responders only the one that signs is looked at: each task of each host reads all
    this, and a verification takes longer than to read a file.
    """
    for epoch in authority.epochs:
        wanted = root_subject(authority.policy.subject, epoch.number).common_name
        for root in () if authority.policy.external_root else epoch.roots:
            if root.sha256 == authority.policy.imported_root:  # which has its own name
                continue
            names = [name.value for name in root.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
            if names != [wanted]:
                reason = f"its common name is {', '.join(map(repr, names))}, not {wanted!r}"
                raise _foreign(root, f"{reason} as in {authority.folder / POLICY}")
        if epoch.cross is not None:
            _check_cross(epoch.cross, epoch, authority)
        for issuer in epoch.issuers:
            _check_below(issuer, epoch.root)
            if issuer.responders:
                _check_signed(issuer.responder, issuer)


def _check_cross(cross: x509.Certificate, epoch: Epoch, authority: Authority) -> None:
    root = epoch.roots[0]
    same = (cross.subject, cross.public_key()) == (root.certificate.subject, root.certificate.public_key())
    signers = [other.root.certificate for other in authority.epochs if other is not epoch]
    if not same or not any(is_issued_by(cross, signer) for signer in signers):
        raise PkiError(
            f"{root.folder / CROSS} is not of this authority: no other root of it signed it for "
            f"{root.folder / CERTIFICATE}. Restore the authority's folder from a backup."
        )


def _check_below(issuer: IssuingAuthority, root: CertifiedKey) -> None:
    """Raise PkiError unless the root vouches for an issuing certificate, be it by intermediates."""
    if not issuer.intermediates:
        return _check_signed(issuer, root)
    chain = (issuer.certificate, *issuer.intermediates, root.certificate)
    for below, signer in itertools.pairwise(chain):
        if not is_issued_by(below, signer):
            name = signer.subject.rfc4514_string()
            raise _foreign(issuer, f"{name} did not sign {below.subject.rfc4514_string()} in its chain")
    return None


def _check_signed(key: CertifiedKey, signer: CertifiedKey) -> None:
    try:
        key.certificate.verify_directly_issued_by(signer.certificate)
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:  # whatever is foreign in it
        raise _foreign(key, f"{signer.folder / CERTIFICATE} did not sign it") from error


def _unknown_to_the_ledger(root: CertifiedKey, reference: CertifiedKey) -> PkiError:
    """A ledger that was restored alone may be the older one: the root is then the one that hosts trust."""
    return PkiError(
        f"{root.folder / CERTIFICATE} is not of this authority: it has another key than "
        f"{reference.folder / CERTIFICATE}, and {LEDGER} knows of no rotation from one to the other. Where {LEDGER} is "
        "older than the rest of the authority's folder, put its newest copy back, and leave the rest as it is: hosts "
        "may trust that root. Otherwise restore the folder from a backup."
    )


def _foreign(key: CertifiedKey, reason: str) -> PkiError:
    return PkiError(
        f"{key.folder / CERTIFICATE} is not of this authority: {reason}. Restore the authority's folder from a backup."
    )
