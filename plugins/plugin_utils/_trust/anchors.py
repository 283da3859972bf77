# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An anchor: one self-signed certificate, read from PEM text and written anew, so that hosts get it and nothing else.

What stores do with careless input is the reason for each refusal here: a private key beside the certificate ends in a
world-readable bundle, several certificates in one file are trusted by some readers alone, and DER, certificates that
are no authority's and intermediates are left out without a word.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import warnings
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import decode_body, to_pem
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_search import find_blocks, find_labels
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    ExtendedKeyUsageOID,
    NameOID,
    UnsupportedAlgorithm,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import POST_QUANTUM, key_type_of, weakness_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.self_signatures import (
    broken_digest,
    is_self_signed,
)

# "X509 CERTIFICATE" is the label of old tools (RFC 7468, section 5.1).
_CERTIFICATE_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE")
_LONGEST_SLUG = 40
_DIGESTS = {"md5": "MD5", "sha1": "SHA-1"}


@dataclass(frozen=True, slots=True)
class AnchorCertificate:
    """A certificate that hosts can be made to trust.

    ``name`` is what stores call it: a slug of its common name with the start of its fingerprint, so that no two
    certificates ever share one. ``pem`` holds exactly one block and a final newline. ``sha256`` is that of the DER,
    lower-case hexadecimal. ``not_after`` is aware UTC. ``permitted_domains`` are those of its name constraints, empty
    where these limit no domain. ``warnings`` are sentences for the user.
    """

    name: str
    pem: str
    sha256: str
    subject: str
    not_after: datetime
    permitted_domains: tuple[str, ...]
    warnings: tuple[str, ...]


def parse_anchor(text: bytes, source: str, now: datetime) -> AnchorCertificate:
    """The anchor in ``text``, fit to be trusted at ``now``. ``source`` names the option or file in errors.

    Raises PkiError for all that :func:`identify_anchor` refuses, for a certificate that may not sign others
    (RFC 5280, sections 4.2.1.3 and 4.2.1.9), and for one outside its validity.
    """
    certificate = _load(_single_certificate(text, source), source)
    _require_authority(certificate, source)
    _require_validity(certificate, source, now)
    return identify_anchor(text, source)


def identify_anchor(text: bytes, source: str) -> AnchorCertificate:
    """The anchor in ``text``, to look for it or to remove it, even when it has expired.

    Raises PkiError unless ``text`` is PEM with a single, readable, self-signed certificate and no private key.
    """
    der = _single_certificate(text, source)
    certificate = _load(der, source)
    _require_self_signed(certificate, source)
    sha256 = hashlib.sha256(der).hexdigest()
    return AnchorCertificate(
        name=f"anchorage-{_slug(certificate)}-{sha256[:16]}",
        pem=to_pem(der),
        sha256=sha256,
        subject=certificate.subject.rfc4514_string(),
        not_after=certificate.not_valid_after_utc,
        permitted_domains=_permitted_domains(certificate),
        warnings=_warnings(certificate, source),
    )


def _single_certificate(text: bytes, source: str) -> bytes:
    """The DER of the one certificate in ``text``, byte for byte as it was encoded."""
    labels = find_labels(text)
    _require_no_private_key(labels, source)
    count = sum(label in _CERTIFICATE_LABELS for label in labels)
    if count == 0:
        raise PkiError(f"{source}: {_what_instead(text, labels)}")
    if count > 1:
        raise PkiError(
            f"{source}: holds {count} certificates. Give the root certificate alone, and each further root in an entry "
            "of its own in anchors."
        )
    bodies = [body for label, body in find_blocks(text) if label in _CERTIFICATE_LABELS]
    if not bodies:
        raise PkiError(f"{source}: the certificate has no END line. Give the whole PEM block.")
    try:
        return decode_body(bodies[0])
    except DerError as error:
        raise PkiError(f"{source}: the certificate is damaged. Get a fresh copy of it.") from error


def _require_no_private_key(labels: list[bytes], source: str) -> None:
    if any(label.endswith(b"PRIVATE KEY") or label.startswith(b"PGP PRIVATE KEY") for label in labels):
        raise PkiError(
            f"{source}: holds a private key, which a trust store would publish. Give the certificate alone, and keep "
            "the key out of the play."
        )


def _what_instead(text: bytes, labels: list[bytes]) -> str:
    """What is wrong with a text without a certificate in PEM, and what to do about it."""
    if not text.strip():
        return "is empty. Give a root certificate in PEM."
    if b"TRUSTED CERTIFICATE" in labels:
        return (
            "is a TRUSTED CERTIFICATE, OpenSSL's own format that other programs cannot read. Convert it: "
            "openssl x509 -in FILE -out ROOT.pem"
        )
    if labels:
        return f"holds a {labels[0].decode()} and no certificate. Give a root certificate in PEM."
    if _is_der_certificate(text):
        return "is in DER, and PEM is wanted. Convert it: openssl x509 -inform DER -in FILE -out ROOT.pem"
    return "is not PEM: it has no line -----BEGIN CERTIFICATE-----. Give a root certificate in PEM."


def _is_der_certificate(data: bytes) -> bool:
    try:
        _load(data, "")
    except PkiError:
        return False
    return True


def _load(der: bytes, source: str) -> x509.Certificate:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd and harmless is reported by _warnings
            certificate = x509.load_der_x509_certificate(der)
            # Both are parsed when they are first asked for.
            certificate.subject.rfc4514_string()
            len(certificate.extensions)
            return certificate
    except (ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise PkiError(f"{source}: the certificate is damaged. Get a fresh copy of it.") from error


def _require_self_signed(certificate: x509.Certificate, source: str) -> None:
    try:
        is_root = is_self_signed(certificate)
    except UnsupportedAlgorithm as error:
        raise PkiError(
            f"{source}: the certificate is signed with an algorithm that cannot be verified. Give a root signed with "
            "SHA-256 or better."
        ) from error
    if not is_root:
        raise PkiError(
            f"{source}: the certificate is not a root: it is not signed by its own key (issuer: "
            f"{certificate.issuer.rfc4514_string()}). Many programs refuse such an anchor: give the root, and let "
            "servers send the intermediate."
        )


def _require_authority(certificate: x509.Certificate, source: str) -> None:
    way_out = "Give the root certificate of the authority that issued it."
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is None:
        raise PkiError(f"{source}: the certificate is not a CA certificate: it has no basicConstraints. {way_out}")
    if not constraints.ca:
        raise PkiError(
            f"{source}: the certificate is not a CA certificate: its basicConstraints say CA:FALSE. {way_out}"
        )
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise PkiError(
            f"{source}: the certificate may not sign certificates: its keyUsage lacks keyCertSign. {way_out}"
        )
    purposes = _extension(certificate, x509.ExtendedKeyUsage)
    # Beyond RFC 5280, programs hold an authority's purposes against those of the leaf.
    fitting = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and not fitting.intersection(purposes):
        raise PkiError(
            f"{source}: the certificate may not vouch for servers: its extendedKeyUsage lacks serverAuth. {way_out}"
        )


def _extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _require_validity(certificate: x509.Certificate, source: str, now: datetime) -> None:
    if now > certificate.not_valid_after_utc:
        raise PkiError(
            f"{source}: the certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d}. Give its successor; "
            "an expired anchor can only be removed, with state=absent."
        )
    if now < certificate.not_valid_before_utc:
        raise PkiError(
            f"{source}: the certificate is valid only from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC. "
            "Check the controller's clock, or wait."
        )


def _permitted_domains(certificate: x509.Certificate) -> tuple[str, ...]:
    """RFC 5280, section 4.2.1.10: a domain stands for itself and all below it."""
    constraints = _extension(certificate, x509.NameConstraints)
    names = constraints.permitted_subtrees or [] if constraints else []
    return tuple(name.value for name in names if isinstance(name, x509.DNSName))


def _warnings(certificate: x509.Certificate, source: str) -> tuple[str, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        positive = certificate.serial_number > 0
    told = []
    if not positive:
        told.append(
            f"{source}: the certificate has no positive serial number, which some programs refuse (RFC 5280, section "
            "4.1.2.2)."
        )
    if digest := broken_digest(certificate):
        told.append(
            f"{source}: the root is signed with {_DIGESTS[digest]}, which proves nothing in a root but which some "
            "programs refuse."
        )
    if weakness := weakness_of(certificate.public_key()):
        told.append(
            f"{source}: the certificate has {weakness}, which many programs refuse, such as OpenSSL at the security "
            "level that Debian has, and browsers. Have its authority make a new root."
        )
    key_type = key_type_of(certificate.public_key())
    if key_type in POST_QUANTUM:
        told.append(
            f"{source}: the certificate has a key of the type {key_type.value}. Hosts where OpenSSL is older than 3.5 "
            "do not believe it, and lose it again at once."
        )
    return tuple(told)


def _slug(certificate: x509.Certificate) -> str:
    """The common name in lower-case letters, digits and hyphens, fit for any file system and any store's alias."""
    attributes = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    common_name = str(attributes[0].value) if attributes else ""
    plain = unicodedata.normalize("NFKD", common_name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).removeprefix("anchorage-")  # which every name begins with anyway
    return slug[:_LONGEST_SLUG].strip("-") or "root"
