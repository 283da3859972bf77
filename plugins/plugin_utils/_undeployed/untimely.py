# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leaves that clients have to refuse, for people's tests: with names that the authority permits, and either ended or
such as never begin while their issuer is valid."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import read_regular_file
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import PRIVATE_KEY
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.names import names_error
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import TEST, LeafPlace, LeafRecord
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    UnsupportedAlgorithm,
    serialization,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.issuance import check_issuing, issuing_signer
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.plan import names_reason
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import check_external_names
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.published import check_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import (
    LARGEST_FILE,
    replace_private,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.files import (
    LeafFolder,
    chain_of,
    leaf_contents,
    leaf_folder,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import (
    Profile,
    Validity,
    profile_of,
    sign_leaf,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import (
    KeyType,
    check_key_type,
    encode_key,
    generate_key,
    key_type_of,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import (
    LAST_MOMENT,
    TEST_DISTANCE,
    TEST_LIFETIME,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import (
    SubjectAlternativeName,
    names_of,
    parse_names,
)


class Untimeliness(str, Enum):
    """Why clients have to refuse a leaf, in the words of the option ``validity``."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"


VALIDITIES = [validity.value for validity in Untimeliness]


@dataclass(frozen=True)
class UntimelyRequest:
    """One wanted leaf for tests, and the folder that gets it."""

    name: str
    names: tuple[SubjectAlternativeName, ...]
    profile: Profile
    key_type: KeyType
    validity: Untimeliness
    destination: Path
    folder: LeafFolder
    lifetime: None = None

    @property
    def place(self) -> LeafPlace:
        """Where the ledger has it: on no host, and apart from the leaves of requests."""
        return LeafPlace("", TEST, self.name)

    @property
    def key_path(self) -> Path:
        return self.destination / PRIVATE_KEY

    @property
    def paths(self) -> list[str]:
        """Where all files are."""
        return [*self.folder.paths, str(self.key_path)]


def parse_untimely_request(arguments: Mapping[str, Any]) -> UntimelyRequest:
    """The leaf that a task of certificate_for_tests asks for. Raises PkiError."""
    if error := names_error([arguments["name"]]):
        raise PkiError(error)
    key_type = KeyType(arguments["key_type"])
    check_key_type(key_type)
    return UntimelyRequest(
        arguments["name"],
        parse_names(arguments["names"]),
        Profile(arguments["profile"]),
        key_type,
        Untimeliness(arguments["validity"]),
        Path(arguments["destination"]),
        leaf_folder(arguments["destination"]),
    )


@dataclass(frozen=True)
class UntimelyPlan:
    """A request, the leaf of the ledger that the folder has, None for none, and why there is another one, an empty
    string where that is not so; or else which files lack what they are to have."""

    request: UntimelyRequest
    record: LeafRecord | None
    reason: str
    missing: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.reason or self.missing)


@dataclass(frozen=True)
class UntimelyTransaction:
    """A leaf for tests at one time; ``published`` is where lists are, None for nowhere. Each method may raise
    PkiError."""

    authority: Authority
    passphrases: Passphrases
    ledger: Ledger
    now: datetime
    published: Path | None = None

    def plan(self, request: UntimelyRequest) -> UntimelyPlan:
        """Hold what the folder has against what is wanted."""
        found = request.folder.certificate()
        record = self.ledger.leaf(request.place, fingerprint(found)) if found else None
        reason = self._reason(request, record)
        if reason or record is None:
            check_external_names([request], self.authority)
            if record is None:
                _check_free(request)
            return UntimelyPlan(request, record, reason)
        return UntimelyPlan(request, record, "", tuple(request.folder.missing(self.contents(record.certificate))))

    def preflight(self, plan: UntimelyPlan) -> None:
        """Check that what ``plan`` needs could be signed. Raises AuthorityDueError for what certificate_authority
        renews."""
        if plan.changed:
            plan.request.folder.check_place(plan.request.place, self.ledger)
        if plan.reason:
            untimely_validity(plan.request.validity, self.authority.issuing.certificate, self.now)
            check_ledger(self.published, self.authority, self.ledger, self.now)
            check_issuing(self.authority, self.ledger)
            issuing_signer(self.authority, self.passphrases)

    def carry_out(self, plan: UntimelyPlan) -> x509.Certificate:
        """The leaf, once its files are in the folder; signed and entered before, where the plan has a reason."""
        if plan.reason or plan.record is None:
            return self._sign(plan)
        certificate = plan.record.certificate
        plan.request.folder.write(self.contents(certificate))
        return certificate

    def _sign(self, plan: UntimelyPlan) -> x509.Certificate:
        self.preflight(plan)
        request, issuing = plan.request, self.authority.issuing
        key = generate_key(request.key_type)
        validity = untimely_validity(request.validity, issuing.certificate, self.now)
        signer = issuing_signer(self.authority, self.passphrases)
        certificate = sign_leaf(key.public_key(), signer, request.names, request.profile, validity)
        with self.ledger.transaction():
            check_issuing(self.authority, self.ledger)
            names = [str(name) for name in request.names]
            self.ledger.record_leaf(certificate, issuing.sha256, request.place, names, TEST)
            self.ledger.mark_removed(request.place)  # which nobody waits for, and nothing renews
        # First the leaf, by which a folder is known as one for tests, be it that this ends before the key is there.
        request.folder.write(self.contents(certificate))
        replace_private(request.key_path, encode_key(key))
        return certificate

    def contents(self, certificate: x509.Certificate) -> dict[str, str]:
        """The public files of a leaf."""
        return leaf_contents(certificate, chain_of(certificate, self.authority))

    def _reason(self, request: UntimelyRequest, record: LeafRecord | None) -> str:
        """Why another leaf is needed, or an empty string."""
        if record is None:
            return "the folder has no leaf of that name for tests"
        certificate = record.certificate
        issuer = self.authority.issuer_of(record.issuer_sha256)
        if record.status == "revoked" or record.issuer_revoked or issuer not in self.authority.active.issuers:
            return "it is revoked, or below an issuer or a root that gave way to another one"
        if set(names_of(certificate)) != set(request.names):
            return names_reason(names_of(certificate), request.names)
        if profile_of(certificate) != request.profile:
            return f"the profile becomes {request.profile.value}"
        if key_type_of(certificate.public_key()) != request.key_type:
            return f"the key type becomes {request.key_type.value}"
        if _is_valid_as(certificate, self.now) is not request.validity:
            return f"it is to be {request.validity.value}"
        return "" if _has_key(request, certificate) else f"{request.key_path} is not its key, for its owner alone"


def _check_free(request: UntimelyRequest) -> None:
    """Raise PkiError where the folder has what is not a leaf for tests of that name: a key may be there that somebody
    needs."""
    names = [PRIVATE_KEY, *request.folder.files]
    if taken := next((name for name in names if os.path.lexists(request.destination / name)), ""):
        raise PkiError(
            f"destination: {request.destination / taken} is there, and is not of the leaf {request.name!r} for tests. "
            "Name a folder for this one alone, or remove that file where nobody needs it."
        )


def untimely_validity(validity: Untimeliness, issuing: x509.Certificate, now: datetime) -> Validity:
    """That of a leaf for tests. What is not yet valid never will be: it begins after its issuer has ended, so that a
    forgotten key is of no use."""
    if validity is Untimeliness.EXPIRED:
        end = now.replace(microsecond=0) - TEST_DISTANCE
        return Validity(end - TEST_LIFETIME, end)
    end = issuing.not_valid_after_utc
    if end > LAST_MOMENT - TEST_DISTANCE - TEST_LIFETIME:
        raise PkiError(
            f"validity: the issuing certificate of this authority ends on {end:%Y-%m-%d}, after which no certificate "
            "can begin. Only one that is expired can be made below it."
        )
    start = end + TEST_DISTANCE
    return Validity(start, start + TEST_LIFETIME)


def _is_valid_as(certificate: x509.Certificate, now: datetime) -> Untimeliness | None:
    if certificate.not_valid_after_utc < now:
        return Untimeliness.EXPIRED
    return Untimeliness.NOT_YET_VALID if certificate.not_valid_before_utc > now else None


def _has_key(request: UntimelyRequest, certificate: x509.Certificate) -> bool:
    """Whether the folder has the key of ``certificate``, for its owner alone."""
    try:
        content = read_regular_file(request.key_path, LARGEST_FILE)
        key: Any = serialization.load_pem_private_key(content, None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    is_private: bool = request.key_path.stat().st_mode & 0o077 == 0
    return is_private and key.public_key() == certificate.public_key()
