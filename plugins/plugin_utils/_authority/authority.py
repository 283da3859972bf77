# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The authority in its folder on the controller.

``policy.json``, ``ledger.sqlite3``, and one folder for each certificate with its key, numbered from 1::

    root/1/            certificate.pem, key.pem
    issuing/1/         certificate.pem, key.pem
    issuing/1/responder/1/   certificate.pem, key.pem
    delegated/1/       certificate.pem, key.pem

What is below ``delegated`` signs nothing here: a development proxy does. The key is removed with its use.

Where the root is another authority's, its key is not here. The key of an issuing authority is made with a request for
its certificate, ``request.pem``, and waits for that; the certificates between it and the root are beside it, in
``intermediates.pem``.

A key on a PKCS#11 token has a ``key.uri`` in place of the ``key.pem``, which names it there.
The highest number is the one in use. A root beside which the former one vouches for it has a ``cross.pem``, too.
A renewed root keeps its key, so that both certificates verify the same chains.
A root with another key begins another epoch, which the ledger has to know.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import (
    IssuingRequest,
    kept_key,
    kept_uri,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    hashes,
    serialization,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import (
    AuthorityDueError,
    AuthorityMissingError,
    PkiError,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.sessions import NO_TOKENS, Tokens
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.uris import KeyUri
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.constraints import (
    NameConstraints,
    constraints_of,
    outside_names,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import PrivateKey
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import SHORTEST_STAPLE, SKEW
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import names_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.urls import Urls

POLICY = "policy.json"
LEDGER = "ledger.sqlite3"
LOCK = "lock"
CERTIFICATE = "certificate.pem"
CROSS = "cross.pem"
DELEGATED = "delegated"
INTERMEDIATES = "intermediates.pem"
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

    @functools.cached_property
    def key_uri(self) -> KeyUri | None:
        """Where the private key is on a token; None for a key in a file. Raises PkiError."""
        return kept_uri(self.folder)

    def key(self, passphrase: str | None, option: str, tokens: Tokens = NO_TOKENS) -> PrivateKey:
        """The private key. Raises PassphraseError that names the passphrase's ``option``, PkiError that names the
        damaged file, KeyAwayError where it is not at hand."""
        return kept_key(self.folder, self.certificate, passphrase, option, tokens)


@dataclass(frozen=True)
class IssuingAuthority(CertifiedKey):
    """An issuing certificate with its delegated OCSP responders, in the order of their numbers. ``intermediates`` lead
    from it to the root, where that has not signed it itself."""

    responders: tuple[CertifiedKey, ...]
    intermediates: tuple[x509.Certificate, ...] = ()

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


class Standing(str, Enum):
    """Where an epoch stands: what hosts are to make of its root."""

    COMING = "coming"  # made, and not for hosts yet
    INTRODUCED = "introduced"  # to be trusted beside the active one
    ACTIVE = "active"  # signs new leaves
    FORMER = "former"  # still to be trusted: leaves of it are in use, and clients that nobody manages may need it
    LEAVING = "leaving"  # to be trusted no more
    RETIRED = "retired"  # gone, or never used


#: Of roots that hosts are to trust now, and of those that they are to lose.
TRUSTED = (Standing.ACTIVE, Standing.INTRODUCED, Standing.FORMER)
UNTRUSTED = (Standing.LEAVING, Standing.RETIRED)
#: Whose newest issuing certificate is, or is about to be, what signs new leaves.
ISSUING = (Standing.ACTIVE, Standing.INTRODUCED, Standing.COMING)


@dataclass(frozen=True)
class Epoch:
    """The time of one key of the root: its certificates, and the issuing ones that it signed, by their numbers.

    ``number`` counts an authority's epochs from 1 on. ``cross`` is the root's name and key as a former root signed it,
    None where none did, or that was revoked.
    """

    number: int
    standing: Standing
    roots: tuple[CertifiedKey, ...]
    issuers: tuple[IssuingAuthority, ...]
    cross: x509.Certificate | None = None

    @property
    def root(self) -> CertifiedKey:
        """The newest root: a renewed one keeps the key, so that it verifies what the former ones do."""
        return self.roots[-1]

    @functools.cached_property
    def cross_constraints(self) -> NameConstraints | None:
        """The constraints of ``cross``, read once, since each leaf is held against them; None for none."""
        return constraints_of(self.cross) if self.cross else None


@dataclass(frozen=True)
class Authority:
    """A readable authority. No passphrase is needed for what is here, since none of it is a private key.

    Of its ``epochs`` one is active; there are none while the authority is unfinished. ``request`` is for the issuing
    certificate that is awaited, None for none.
    """

    folder: Path
    policy: Policy
    epochs: tuple[Epoch, ...]
    request: IssuingRequest | None = None

    @property
    def active(self) -> Epoch:
        """The epoch that signs now. Raises AuthorityMissingError while the authority is unfinished."""
        active = next((epoch for epoch in self.epochs if epoch.standing is Standing.ACTIVE), None)
        if active is None:
            raise self.unfinished()
        return active

    @property
    def root(self) -> CertifiedKey:
        """The root of the active epoch. Raises AuthorityMissingError while the authority is unfinished."""
        return self.active.root

    @property
    def issuing(self) -> IssuingAuthority:
        """The issuing authority that signs new leaves. Raises AuthorityMissingError while there is none."""
        if not self.active.issuers:
            raise self.unfinished()
        return self.active.issuers[-1]

    @property
    def roots(self) -> tuple[CertifiedKey, ...]:
        """The roots of all epochs, in the order of their numbers."""
        return tuple(sorted((root for epoch in self.epochs for root in epoch.roots), key=lambda root: root.number))

    @property
    def own_roots(self) -> tuple[CertifiedKey, ...]:
        """The roots whose keys are the authority's: it revokes what they have signed, and renews them."""
        return () if self.policy.external_root else self.roots

    @property
    def has_imported_root(self) -> bool:
        """Whether another program made the root in use, which is not renewed."""
        return bool(self.epochs) and self.root.sha256 == self.policy.imported_root

    @property
    def issuers(self) -> tuple[IssuingAuthority, ...]:
        """The issuing authorities of all epochs, in the order of their numbers."""
        issuers = (issuer for epoch in self.epochs for issuer in epoch.issuers)
        return tuple(sorted(issuers, key=lambda issuer: issuer.number))

    def anchors(self) -> tuple[CertifiedKey, ...]:
        """The roots that hosts must trust now, the active one first: two while one gives way to another."""
        trusted = [epoch for epoch in self.epochs if epoch.standing in TRUSTED]
        return tuple(epoch.root for epoch in sorted(trusted, key=lambda epoch: epoch.standing is not Standing.ACTIVE))

    def superseded(self) -> tuple[CertifiedKey, ...]:
        """The roots that hosts may lose once they trust the active one. Older ones of an epoch whose root has to stay
        beside that stay, too."""
        return (*self.active.roots[:-1], *self.untrusted())

    def untrusted(self) -> tuple[CertifiedKey, ...]:
        """The roots with another key than the active one that no host is to trust any more, whether one ever did."""
        return tuple(root for epoch in self.epochs if epoch.standing in UNTRUSTED for root in epoch.roots)

    def signing_issuers(self) -> tuple[IssuingAuthority, ...]:
        """The issuing authorities that sign new leaves, or are about to."""
        return tuple(epoch.issuers[-1] for epoch in self.epochs if epoch.standing in ISSUING and epoch.issuers)

    def coming(self) -> tuple[Epoch, ...]:
        """The epochs that are about to sign leaves: one at most, until a rotation has switched."""
        return tuple(epoch for epoch in self.epochs if epoch.standing in (Standing.COMING, Standing.INTRODUCED))

    def issuer_of(self, issuer_sha256: str) -> IssuingAuthority | None:
        """The issuing authority with that fingerprint, old ones included."""
        return next((issuer for issuer in self.issuers if issuer.sha256 == issuer_sha256), None)

    def chain(self, issuer: IssuingAuthority, leaf: x509.Certificate) -> tuple[x509.Certificate, ...]:
        """What a ``leaf`` of ``issuer`` is sent with: the issuing certificate, and the one by which whoever trusts the
        former root alone gets there, if that was valid when the leaf was issued. It is no matter of what hosts trust
        now, so that no leaf has to be replaced for the sake of it.

        A leaf with a name that the former root does not permit is refused by whoever gets there: GnuTLS would, and not
        look for another way, even where it trusts the issuer's own root.
        """
        if issuer.intermediates:
            return (issuer.certificate, *issuer.intermediates)
        epoch = next(epoch for epoch in self.epochs if issuer in epoch.issuers)
        cross = epoch.cross
        if cross is None or leaf.not_valid_before_utc >= cross.not_valid_after_utc:
            return (issuer.certificate,)
        is_permitted = not outside_names(names_of(leaf), epoch.cross_constraints)
        return (issuer.certificate, cross) if is_permitted else (issuer.certificate,)

    def with_issuers(self, issuers: Iterable[IssuingAuthority]) -> Authority:
        """The same authority with these issuing ones too. Each epoch's root has a name of its own; what is of none of
        them, the active one did not sign."""
        members = {epoch.number: list(epoch.issuers) for epoch in self.epochs}
        for issuer in issuers:
            named = [each for each in self.epochs if each.root.certificate.subject == issuer.certificate.issuer]
            members[(named[0] if named else self.active).number].append(issuer)
        ordered = {number: sorted(several, key=lambda one: one.number) for number, several in members.items()}
        return replace(self, epochs=tuple(replace(one, issuers=tuple(ordered[one.number])) for one in self.epochs))

    def without_urls(self) -> Authority:
        """The same authority, whose new leaves name no URLs."""
        return replace(self, policy=replace(self.policy, urls=Urls()))

    @property
    def ledger_path(self) -> Path:
        return self.folder / LEDGER

    @property
    def remedy(self) -> str:
        """What to do where the issuing certificate ends, or is revoked."""
        if self.has_imported_root:
            return "Run certificate_authority; where the imported root ends, anchorage.pki.rotate_authority."
        if not self.policy.external_root:
            return "Run certificate_authority, which makes another one."
        if self.request is None:
            return "Run certificate_authority, which writes a request for another one."
        return (
            f"Have {self.request.path} signed by the authority of the root, and give the answer to "
            "certificate_authority (option issuing_certificate)."
        )

    def unfinished(self) -> AuthorityMissingError:
        """Why the authority cannot sign yet."""
        if self.request is not None:
            return AuthorityMissingError(f"The authority in {self.folder} awaits its certificate. {self.remedy}")
        return AuthorityMissingError(
            f"The authority in {self.folder} is unfinished. Run certificate_authority to complete it."
        )


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
    base = Path(data if data.startswith("/") else "~/.local/share")  # a relative path is ignored
    return base.expanduser() / "anchorage" / "authority"


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
