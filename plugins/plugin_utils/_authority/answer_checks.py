# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an issuing certificate that another authority signed has to be, and every certificate above it.

Each refusal is a sentence that says what is wrong, and what to ask that authority for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import ExtendedKeyUsageOID, rsa, x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.foreign_constraints import (
    limits_directory_names,
    name_constraints,
    unlimited_kinds,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import SHORTEST_RSA
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import SKEW
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.self_signatures import broken_digest


def check_chain(chain: Sequence[x509.Certificate], policy: Policy, source: str, now: datetime) -> None:
    """Raise PkiError unless ``chain``, from the issuing certificate to the root, fits ``policy`` at ``now``."""
    issuing = chain[0]
    _check_extensions(issuing, source)
    for below, certificate in enumerate(chain):
        _check_authority(certificate, below, source)
        _check_dates(certificate, source, now)
        _check_strength(certificate, source)
    _check_ends(chain, policy, source, now)
    _check_constraints(chain, policy, source)


def root_warnings(root: x509.Certificate) -> list[str]:
    """What whoever has hosts trust the root of another authority should know of it."""
    name, warnings = root.subject.rfc4514_string(), []
    if name_constraints(root) is None:
        warnings.append(
            f"The root {name} carries no name constraints: whoever holds its key, or that of any authority below it, "
            "can impersonate any site in the world to the hosts that trust it. The constraints of this authority limit "
            "only what this authority signs."
        )
    if broken_digest(root):
        warnings.append(
            f"The root {name} is signed with SHA-1, which proves nothing in a root but which some programs refuse. Ask "
            "its authority for a root signed with SHA-256 or better."
        )
    return warnings


def _check_extensions(issuing: x509.Certificate, source: str) -> None:
    """What only the issuing certificate must have."""
    if not issuing.subject.rdns:
        raise _refusal(issuing, source, "has no subject", "one with the subject of the request")
    if _extension(issuing, x509.SubjectKeyIdentifier) is None:
        raise _refusal(issuing, source, "has no subjectKeyIdentifier", "one that has it, as RFC 5280 wants it")
    usage = _extension(issuing, x509.KeyUsage)
    lacking = [
        name
        for name, given in (
            ("keyCertSign", usage is not None and usage.key_cert_sign),
            ("cRLSign", usage is not None and usage.crl_sign),
        )
        if not given
    ]
    if lacking:
        raise _refusal(issuing, source, f"lacks {' and '.join(lacking)} in its keyUsage", "keyCertSign and cRLSign")
    purposes = _extension(issuing, x509.ExtendedKeyUsage)
    needed = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.OCSP_SIGNING}
    is_any = purposes is not None and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in purposes
    if purposes is not None and not is_any and not needed.issubset(purposes):
        raise _refusal(
            issuing,
            source,
            "has an extendedKeyUsage without serverAuth or without OCSPSigning, so that clients refuse its leaves or "
            "staples",
            "one without extendedKeyUsage",
        )


def _check_authority(certificate: x509.Certificate, below: int, source: str) -> None:
    """``below`` is how many authorities stand between the certificate and a leaf."""
    basic = _extension(certificate, x509.BasicConstraints)
    if basic is None or not basic.ca:
        raise _refusal(certificate, source, "is not a CA certificate", "one with basicConstraints CA:TRUE, pathlen:0")
    usage = _extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        raise _refusal(certificate, source, "may not sign certificates", "a chain whose authorities have keyCertSign")
    length = basic.path_length
    if below == 0 and length != 0:
        told = "no path length" if length is None else f"path length {length}"
        reason = f"has {told}, so that a thief of its key could make further authorities"
        raise _refusal(certificate, source, reason, "one with pathlen:0, as the request has it")
    if length is not None and length < below:
        reason = f"has path length {length}, while {below} authorities stand below it"
        raise _refusal(certificate, source, reason, "an issuing certificate below an authority that permits it")


def _check_dates(certificate: x509.Certificate, source: str, now: datetime) -> None:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if end <= now:
        raise _refusal(certificate, source, f"ended on {end:%Y-%m-%d}", "one that is valid")
    if start > now + SKEW:
        reason = f"is valid only from {start:%Y-%m-%d %H:%M} UTC on"
        raise _refusal(certificate, source, reason, "one that is valid now, or check the controller's clock")


def _check_strength(certificate: x509.Certificate, source: str) -> None:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < SHORTEST_RSA:
        reason = f"has an RSA key of {key.key_size} bits, which clients refuse"
        raise _refusal(certificate, source, reason, f"a chain whose keys have {SHORTEST_RSA} bits or more")


def _check_ends(chain: Sequence[x509.Certificate], policy: Policy, source: str, now: datetime) -> None:
    end, days = chain[0].not_valid_after_utc, policy.lifetimes.leaf
    above = min(chain[1:], key=lambda certificate: certificate.not_valid_after_utc)
    if above.not_valid_after_utc < end:
        reason = f"ends on {end:%Y-%m-%d}, after {_named(above)} above it, which ends on {_day(above)}"
        raise _refusal(chain[0], source, reason, "one that ends before all that is above it")
    if end - now <= timedelta(days=days):
        reason = f"ends on {end:%Y-%m-%d}, before a leaf of {days} days would"
        raise _refusal(chain[0], source, reason, "one that is valid for longer, or lower leaf_lifetime")


def _check_constraints(chain: Sequence[x509.Certificate], policy: Policy, source: str) -> None:
    constraints = [found for found in map(name_constraints, chain) if found is not None]
    if any(map(limits_directory_names, constraints)):
        reason = "is limited in directory names, outside which the subjects of leaves are"
        raise _refusal(chain[0], source, reason, "name constraints over other kinds of names alone")
    # Not those of the root, which many verifiers ignore.
    intended = [found for found in map(name_constraints, chain[:-1]) if found is not None]
    wide = unlimited_kinds(intended, policy.constraints)
    if wide:
        reason = f"has name constraints that are wider than those of the authority, for {', '.join(wide)}"
        if not intended:
            reason = "carries no name constraints, so that a thief of its key could impersonate any site"
        wanted = "the name constraints of the request; where nobody there can give them, begin anew with unconstrained"
        raise _refusal(chain[0], source, reason, wanted)


def _refusal(certificate: x509.Certificate, source: str, reason: str, wanted: str) -> PkiError:
    return PkiError(f"{source}: {_named(certificate)} {reason}. Ask the PKI that signed it for {wanted}.")


def _named(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"the certificate {certificate.serial_number:x}"


def _day(certificate: x509.Certificate) -> str:
    return f"{certificate.not_valid_after_utc:%Y-%m-%d}"


def _extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
