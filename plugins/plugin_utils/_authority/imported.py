# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A root that another program made, such as step, easy-rsa or community.crypto, taken over with its key.

It stays as it is: nothing is signed again, so that whatever trusts it does so on. What it lacks is said, and comes with
the first rotation, which leads to a root of this collection's own making.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_search import find_labels
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given, read_certificates
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy, wanted_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    NameOID,
    UnsupportedAlgorithm,
    serialization,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PassphraseError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.foreign_constraints import (
    limits_directory_names,
    name_constraints,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import (
    PrivateKey,
    has_explicit_parameters,
    is_usable,
    signs_by_pss_alone,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import ROOT_REMAINDER, SKEW
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.self_signatures import broken_digest, is_self_signed

OFFER = (
    "The playbook anchorage.pki.rotate_authority has hosts move to a root that this authority makes, with its name "
    "constraints and a key that was nowhere else, without an outage."
)
NEW_AUTHORITY = (
    "Make a new authority without the option, and have hosts trust both roots until every certificate below the former "
    "one is replaced: docs/migration.md has the steps."
)


@dataclass(frozen=True)
class Import:
    """What the options give: a root, its key, and the passphrase of that, None for none."""

    certificate: Given
    key: Given
    passphrase: str | None = field(repr=False)


@dataclass(frozen=True)
class ImportedRoot:
    """A root that an authority can be made from, with its key."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)


def read_import(given: Import | None, authority: Authority | None, now: datetime) -> ImportedRoot | None:
    """The root that the options give, checked; None where they give none, or the authority has it. Raises PkiError."""
    if given is None:
        return None
    source = given.certificate.source
    certificate = _root(given.certificate)
    if authority is not None and (authority.roots or authority.request):
        if authority.policy.imported_root == fingerprint(certificate):
            return None
        raise PkiError(
            f"{source}: the authority in {authority.folder} has another root already, which hosts may trust. Leave the "
            "option out, or import this root into another folder (option authority)."
        )
    _check_root(certificate, source, now)
    key = _key(given.key, given.passphrase)
    if key.public_key() != certificate.public_key():
        raise PkiError(f"{given.key.source}: is not the private key of {_named(certificate)}. Give the one that is.")
    return ImportedRoot(certificate, key)


def plan_import(
    given: Import | None,
    authority: Authority | None,
    options: Mapping[str, Any],
    default_common_name: str,
    now: datetime,
) -> tuple[Policy, ImportedRoot | None]:
    """The policy that the ``options`` of certificate_authority ask for, named after a root that is to be imported where
    they give no name; and that root, None for none. Raises PkiError."""
    root = read_import(given, authority, now)
    if root is not None:
        options = {**options, "subject": {**_names(root.certificate), **_given(options.get("subject") or {})}}
    policy = wanted_policy(options, authority.policy if authority else None, default_common_name)
    if root is not None:
        _check_end(root.certificate, policy.lifetimes.leaf, now)
        return replace(policy, imported_root=fingerprint(root.certificate)), root
    if authority is not None and not authority.roots and policy.imported_root:
        raise PkiError(
            f"The authority in {authority.folder} is unfinished: its root was being imported. Give import_certificate "
            "and import_key again, or delete the folder, in which nothing was signed."
        )
    return policy, None


def imported_warnings(root: x509.Certificate, now: datetime) -> list[str]:
    """What an imported ``root`` lacks, and what that means."""
    name, warnings = f"The imported root {_named(root)}", []
    usage, basic = _extension(root, x509.KeyUsage), _extension(root, x509.BasicConstraints)
    if name_constraints(root) is None:
        warnings.append(
            f"{name} carries no name constraints: this root may sign for every name, and whoever gets its key can "
            "impersonate any site in the world to the hosts that trust it. The constraints of this authority are in "
            "its issuing certificates, and limit what those sign."
        )
    if basic.path_length is None:
        warnings.append(
            f"{name} has no path length: an authority below it may make further ones, unless its own certificate "
            "forbids that, as the issuing certificates of this authority do."
        )
    if usage is not None and not usage.crl_sign:
        warnings.append(
            f"{name} may not sign lists of revoked certificates, since its keyUsage lacks cRLSign: clients that ask "
            "for its list refuse that, and so everything below the root. Set no crl_url while this root is in use."
        )
    strict = _refused_when_strict(root)
    if strict:
        warnings.append(
            f"{name} is refused by clients that verify strictly, as Python does from 3.13 on: {strict}. They accept "
            "nothing below it."
        )
    if broken_digest(root):
        warnings.append(f"{name} is signed with SHA-1, which proves nothing in a root but which some programs refuse.")
    start, end = root.not_valid_before_utc, root.not_valid_after_utc
    if end - now <= (end - start) * ROOT_REMAINDER:
        warnings.append(f"{name} ends on {end:%Y-%m-%d}, and is not renewed, since an imported root stays as it is.")
    return warnings


def _refused_when_strict(root: x509.Certificate) -> str:
    """What OpenSSL's strict mode refuses in a root, or an empty string (RFC 5280, sections 4.2.1.3 and 4.2.1.9)."""
    if not root.extensions.get_extension_for_class(x509.BasicConstraints).critical:
        return "its basicConstraints are not critical"
    return "it has no keyUsage" if _extension(root, x509.KeyUsage) is None else ""


def _root(given: Given) -> x509.Certificate:
    certificates = read_certificates(given)
    if len(certificates) != 1:
        raise PkiError(f"{given.source}: holds {len(certificates)} certificates. Give the root alone.")
    certificate = certificates[0]
    if has_explicit_parameters(certificate):
        raise PkiError(
            f"{given.source}: {_named(certificate)} has a key whose curve is written out in place of its name "
            f"(explicit parameters), so that clients refuse it. {NEW_AUTHORITY}"
        )
    try:
        is_root = is_self_signed(certificate)
    except UnsupportedAlgorithm as error:
        raise PkiError(
            f"{given.source}: {_named(certificate)} is signed by an algorithm that is not known. {NEW_AUTHORITY}"
        ) from error
    if not is_root:
        raise PkiError(
            f"{given.source}: {_named(certificate)} is no root, since its own key has not signed it. Give the root "
            "above it; for an authority below a root whose key is not yours, see issuing_request_path."
        )
    return certificate


def _check_root(certificate: x509.Certificate, source: str, now: datetime) -> None:
    """Raise PkiError unless an issuing authority can be made below a root."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    basic, usage = _extension(certificate, x509.BasicConstraints), _extension(certificate, x509.KeyUsage)
    constraints = name_constraints(certificate)
    has_identifier = _extension(certificate, x509.SubjectKeyIdentifier) is not None
    for reason, holds in (
        ("has no subject, which what it signs would have to name", not certificate.subject.rdns),
        ("is not a CA certificate (basicConstraints CA:TRUE)", basic is None or not basic.ca),
        ("may not sign certificates: its keyUsage lacks keyCertSign", usage is not None and not usage.key_cert_sign),
        (
            "has path length 0: clients refuse an issuing authority below it, with all its leaves",
            basic is not None and basic.path_length == 0,
        ),
        (
            "has a key that is for signatures by RSASSA-PSS alone, which this collection does not make",
            signs_by_pss_alone(certificate),
        ),
        ("has no subjectKeyIdentifier, by which what it signs would name its key", not has_identifier),
        (
            "limits directory names, outside which the subjects of leaves are",
            constraints is not None and limits_directory_names(constraints),
        ),
        (f"ended on {end:%Y-%m-%d}", end <= now),
    ):
        if holds:
            raise PkiError(f"{source}: {_named(certificate)} {reason}. {NEW_AUTHORITY}")
    if start > now + SKEW:
        raise PkiError(
            f"{source}: {_named(certificate)} is valid only from {start:%Y-%m-%d %H:%M} UTC on. Check the controller's "
            "clock, or wait until then."
        )


def _check_end(certificate: x509.Certificate, leaf_days: int, now: datetime) -> None:
    end = certificate.not_valid_after_utc
    if end - now <= timedelta(days=leaf_days):
        raise PkiError(
            f"import_certificate: {_named(certificate)} ends on {end:%Y-%m-%d}, before a leaf of {leaf_days} days "
            f"would. {NEW_AUTHORITY}"
        )


def _given(names: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in names.items() if value is not None}


def _names(root: x509.Certificate) -> dict[str, Any]:
    """What of a root's subject an authority can be named after."""
    oids = {
        "common_name": NameOID.COMMON_NAME,
        "organization": NameOID.ORGANIZATION_NAME,
        "country": NameOID.COUNTRY_NAME,
    }
    found = {name: root.subject.get_attributes_for_oid(oid) for name, oid in oids.items()}
    return {name: values[0].value for name, values in found.items() if len(values) == 1}


def _key(given: Given, passphrase: str | None) -> PrivateKey:
    """The key, in PKCS#8 or in the form that OpenSSL wrote before (``Proc-Type: 4,ENCRYPTED``). Raises PkiError."""
    if not any(label.endswith(b"PRIVATE KEY") for label in find_labels(given.content)):
        raise _no_key(given)
    is_encrypted = b"ENCRYPTED" in given.content
    if is_encrypted and not passphrase:
        raise PassphraseError(
            f"{given.source}: the private key is encrypted. Give its passphrase as import_passphrase."
        )
    if passphrase and not is_encrypted:
        raise PassphraseError(
            f"import_passphrase: the private key {given.source} is not encrypted. Leave the option out."
        )
    try:
        key: Any = serialization.load_pem_private_key(given.content, passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if is_encrypted:
            raise PassphraseError(
                f"import_passphrase: does not open the private key {given.source}. Give the one that it was made "
                "with; where that is right, the file is not whole."
            ) from error
        raise _no_key(given) from error
    if not is_usable(key.public_key()):
        raise PkiError(f"{given.source}: is of a kind that this collection does not use. {NEW_AUTHORITY}")
    return key


def _no_key(given: Given) -> PkiError:
    return PkiError(
        f"{given.source}: holds no private key in PEM that can be read. Give the root's; where it is in DER or in "
        "OpenSSH's own form, convert it: openssl pkey -inform DER -in FILE, or ssh-keygen -p -m PEM -f COPY."
    )


def _named(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"the certificate {certificate.serial_number:x}"


def _extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
