# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The authority in its folder on the controller.

``policy.json``, ``ledger.sqlite3``, and one folder for each certificate with its key, numbered from 1::

    root/1/            certificate.pem, key.pem
    issuing/1/         certificate.pem, key.pem
    issuing/1/responder/1/   certificate.pem, key.pem

The highest number is the one in use. A renewed root keeps its key, so that both certificates verify the same chains.
"""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy, decode_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    InvalidSignature,
    NameOID,
    UnsupportedAlgorithm,
    hashes,
    serialization,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import (
    AuthorityDueError,
    AuthorityMissingError,
    KeyAwayError,
    PkiError,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import (
    check_folder,
    read_private,
    read_public,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import PrivateKey, decode_key
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import SHORTEST_STAPLE, SKEW
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.urls import Urls

POLICY = "policy.json"
LEDGER = "ledger.sqlite3"
LOCK = "lock"
# What an authority's making may leave when it is cut off before the policy is there, SQLite's own files included.
BEFORE_THE_POLICY = (LOCK, LEDGER, f".{POLICY}.")
CERTIFICATE = "certificate.pem"
KEY = "key.pem"
# Where the runner of execution environments puts a job. The home of such a container ends with the job.
EXECUTION_ENVIRONMENT = Path("/runner")


@dataclass(frozen=True)
class CertifiedKey:
    """A certificate of the authority's own, with its private key in the same folder."""

    folder: Path
    certificate: x509.Certificate

    @property
    def number(self) -> int:
        return int(self.folder.name)

    @functools.cached_property
    def sha256(self) -> str:
        return fingerprint(self.certificate)

    def key(self, passphrase: str | None, option: str) -> PrivateKey:
        """The private key. Raises PassphraseError that names the passphrase's ``option``, PkiError that names the
        damaged file, KeyAwayError where it is not at hand."""
        path = self.folder / KEY
        if not path.exists():
            missing = os.strerror(errno.ENOENT)
            raise KeyAwayError(
                f"{path} cannot be read: {missing}. Put the key there for this run where it is kept elsewhere; where "
                "it is lost, restore the authority's folder from a backup."
            )
        key = decode_key(read_private(path), passphrase, option, str(path))
        if key.public_key() != self.certificate.public_key():
            raise PkiError(
                f"{path} does not fit the certificate beside it. Restore the authority's folder from a backup."
            )
        return key


@dataclass(frozen=True)
class IssuingAuthority(CertifiedKey):
    """An issuing certificate with its delegated OCSP responders, in the order of their numbers."""

    responders: tuple[CertifiedKey, ...]

    @property
    def responder(self) -> CertifiedKey:
        """The responder that signs now. Raises AuthorityDueError where there is none."""
        if not self.responders:
            raise AuthorityDueError(f"{self.folder} has no OCSP responder. Run certificate_authority to make one.")
        return self.responders[-1]

    def responder_at(self, now: datetime) -> CertifiedKey:
        """The responder, if what it signs ``now`` is of use. Raises AuthorityDueError."""
        responder = self.responder
        start, end = responder.certificate.not_valid_before_utc, responder.certificate.not_valid_after_utc
        # As the gate through which staples go has it.
        if not start - SKEW <= now < end - SHORTEST_STAPLE:
            raise AuthorityDueError(
                f"The OCSP responder is valid from {start:%Y-%m-%d} to {end:%Y-%m-%d} only, so that no staple can be "
                "signed. Run certificate_authority, which renews it."
            )
        return responder


Key = TypeVar("Key", bound=CertifiedKey)


@dataclass(frozen=True)
class Authority:
    """A readable authority. No passphrase is needed for what is here, since none of it is a private key."""

    folder: Path
    policy: Policy
    roots: tuple[CertifiedKey, ...]
    issuers: tuple[IssuingAuthority, ...]

    @property
    def root(self) -> CertifiedKey:
        """The root as hosts should trust it. Raises PkiError while the authority is unfinished."""
        return _newest(self.roots, self.folder)

    @property
    def issuing(self) -> IssuingAuthority:
        """The issuing authority that signs new leaves. Raises PkiError while the authority is unfinished."""
        return _newest(self.issuers, self.folder)

    def issuer_of(self, issuer_sha256: str) -> IssuingAuthority | None:
        """The issuing authority with that fingerprint, old ones included."""
        return next((issuer for issuer in self.issuers if issuer.sha256 == issuer_sha256), None)

    def without_urls(self) -> Authority:
        """The same authority, whose new leaves name no URLs."""
        return replace(self, policy=replace(self.policy, urls=Urls()))

    @property
    def ledger_path(self) -> Path:
        return self.folder / LEDGER


def fingerprint(certificate: x509.Certificate) -> str:
    """The SHA-256 of a certificate's DER, lower-case hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def to_pem(certificate: x509.Certificate) -> str:
    """A certificate as PEM (RFC 7468) with a final newline."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def authority_folder(
    option: str | None, environment: Mapping[str, str], execution_environment: Path = EXECUTION_ENVIRONMENT
) -> Path:
    """The folder that the option ``authority`` names, or the default of the XDG Base Directory Specification.

    Raises PkiError for a relative path, and in an execution environment without the option.
    """
    if option is not None:
        return _named_folder(option)
    if execution_environment.is_dir():
        raise PkiError(
            "authority: name the authority's folder in an execution environment, on a volume that outlives the job; "
            "the default would make a new authority each time."
        )
    data = environment.get("XDG_DATA_HOME", "")
    # The specification has a relative path ignored.
    base = Path(data) if data.startswith("/") else Path("~/.local/share").expanduser()
    return base / "anchorage" / "authority"


def _named_folder(option: str) -> Path:
    if not option.strip():
        raise PkiError("authority: is empty. Name a folder, or leave the option out for the default one.")
    try:
        folder = Path(option).expanduser()
    except RuntimeError as error:
        raise PkiError(f"authority: {option!r} names the home of a user who is not there.") from error
    if not folder.is_absolute():
        raise PkiError(
            f"authority: {option!r} is a relative path, which is another folder wherever Ansible is started. Begin it "
            "with / or ~, or with {{ playbook_dir }} for the playbook's own folder."
        )
    return folder


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
    authority = Authority(
        folder=folder,
        policy=decode_policy(read_public(policy_path), str(policy_path)),
        roots=_read_certified_keys(folder / "root"),
        issuers=tuple(
            IssuingAuthority(issuing.folder, issuing.certificate, _read_certified_keys(issuing.folder / "responder"))
            for issuing in _read_certified_keys(folder / "issuing")
        ),
    )
    if authority.issuers and not authority.roots:
        raise PkiError(f"{folder / 'root'} is missing. Restore the authority's folder from a backup.")
    _check_parts(authority)
    return authority


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


def _read_certified_keys(folder: Path) -> tuple[CertifiedKey, ...]:
    if not folder.is_dir():
        return ()
    numbers = sorted(int(entry.name) for entry in folder.iterdir() if entry.name.isdecimal())
    return tuple(_read_certified_key(folder / str(number)) for number in numbers)


def _read_certified_key(folder: Path) -> CertifiedKey:
    path = folder / CERTIFICATE
    try:
        return CertifiedKey(folder, x509.load_pem_x509_certificate(read_public(path)))
    except (ValueError, x509.InvalidVersion) as error:
        raise PkiError(f"{path} is no longer a certificate. Restore the authority's folder from a backup.") from error


def _check_parts(authority: Authority) -> None:
    """Raise PkiError where a part is another authority's, which was mixed in by a copy or a backup.

    Of an issuing authority's many responders only the one that signs is looked at: each task of each host reads all
    this, and a verification takes longer than to read a file.
    """
    for root in authority.roots:
        names = [name.value for name in root.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if names != [authority.policy.subject.common_name]:
            wanted = f"not {authority.policy.subject.common_name!r} as in {authority.folder / POLICY}"
            raise _foreign(root, f"its common name is {', '.join(map(repr, names))}, {wanted}")
        if root.certificate.public_key() != authority.root.certificate.public_key():
            raise _foreign(root, f"it has another key than {authority.root.folder / CERTIFICATE}")
    for issuer in authority.issuers:
        _check_signed(issuer, authority.root)
        if issuer.responders:
            _check_signed(issuer.responder, issuer)


def _check_signed(key: CertifiedKey, signer: CertifiedKey) -> None:
    try:
        key.certificate.verify_directly_issued_by(signer.certificate)
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:  # whatever is foreign in it
        raise _foreign(key, f"{signer.folder / CERTIFICATE} did not sign it") from error


def _foreign(key: CertifiedKey, reason: str) -> PkiError:
    return PkiError(
        f"{key.folder / CERTIFICATE} is not of this authority: {reason}. Restore the authority's folder from a backup."
    )


def _newest(keys: tuple[Key, ...], folder: Path) -> Key:
    if not keys:
        raise AuthorityMissingError(
            f"The authority in {folder} is unfinished. Run certificate_authority to complete it."
        )
    return keys[-1]
