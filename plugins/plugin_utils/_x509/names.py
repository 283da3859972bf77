# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subject alternative names: from what a user writes to the form that goes into a certificate.

The kind of a name follows from its form, as a person reads it: ``https://app.test/`` is a URI, ``ops@app.test`` an
e-mail address, ``10.0.0.1`` or ``::1`` an IP address, and all else a DNS name.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.international_labels import (
    A_LABEL_PREFIX,
    check_a_label,
    encoded_label,
)

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
# The local part of an address as RFC 5321, section 4.1.2 has it without quotes.
MAILBOX = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
LONGEST_DNS_NAME = 253
# Where the host of a URI ends, with the port and what may stand before it.
AUTHORITY_END = re.compile("[/?#]")
PREFIX = re.compile(r"(dns|ip|email|uri):", re.IGNORECASE)
# The full stops that end a label (RFC 3490, section 3.1): people who write Japanese or Chinese have the others at hand.
FULL_STOPS = re.compile("[.\u3002\uff0e\uff61]")


class NameKind(Enum):
    """The kinds of subject alternative name (RFC 5280, section 4.2.1.6) that the collection issues."""

    DNS = "DNS"
    IP = "IP"
    EMAIL = "email"
    URI = "URI"


@dataclass(frozen=True, order=True)
class SubjectAlternativeName:
    """One name of a leaf. ``value`` is in the certificate's own form: A-labels, lower case, canonical addresses.
    ``written`` is what a user wrote, "" where it was read from a certificate, and makes no other name of it."""

    kind: NameKind
    value: str
    written: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.value

    def general_name(self) -> x509.GeneralName:
        """The same name as ``cryptography`` takes it."""
        if self.kind is NameKind.IP:
            return x509.IPAddress(ipaddress.ip_address(self.value))
        constructors: dict[NameKind, Any] = {
            NameKind.DNS: x509.DNSName,
            NameKind.EMAIL: x509.RFC822Name,
            NameKind.URI: x509.UniformResourceIdentifier,
        }
        general_name: x509.GeneralName = constructors[self.kind](self.value)
        return general_name

    @property
    def shown(self) -> str:
        """The name for who wrote it: with what was written beside the A-labels, which nobody can read."""
        return self.value if self.written.isascii() else f"{self.written} ({self.value})"

    @property
    def host(self) -> str:
        """The host that name constraints judge: what follows the ``@``, a URI's authority, else the name itself."""
        if self.kind is NameKind.EMAIL:
            return self.value.rpartition("@")[2]
        if self.kind is NameKind.URI:
            return urlsplit(self.value).hostname or ""
        return self.value


def parse_name(text: str) -> SubjectAlternativeName:
    """Read one name as a user writes it. Raises PkiError with the reason and the way out."""
    text = unicodedata.normalize("NFC", text.strip())
    if "://" in text:
        return _parse_uri(text)
    if PREFIX.match(text):
        raise PkiError(f"names: write {text.partition(':')[2]!r} without a prefix; its kind follows from its form.")
    if "@" in text:
        return _parse_email(text)
    try:
        address = str(ipaddress.ip_address(text))
    except ValueError:
        return SubjectAlternativeName(NameKind.DNS, _parse_dns(text), text)
    if "%" in address:
        raise PkiError(f"names: write {text!r} without its zone, which means something on one host only.")
    return SubjectAlternativeName(NameKind.IP, address)


def parse_names(texts: list[str]) -> tuple[SubjectAlternativeName, ...]:
    """Read the names of one leaf, in the user's order and without repetitions. Raises PkiError."""
    names = tuple(dict.fromkeys(parse_name(text) for text in texts))
    if not names:
        raise PkiError("names: a leaf needs at least one name.")
    return names


def shown(names: Iterable[SubjectAlternativeName]) -> str:
    """The names for who wrote them, in a row."""
    return ", ".join(name.shown for name in names)


def names_of(certificate: x509.Certificate) -> tuple[SubjectAlternativeName, ...]:
    """The subject alternative names of a certificate that this collection issued."""
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    kinds: dict[Any, NameKind] = {
        x509.DNSName: NameKind.DNS,
        x509.IPAddress: NameKind.IP,
        x509.RFC822Name: NameKind.EMAIL,
        x509.UniformResourceIdentifier: NameKind.URI,
    }
    return tuple(SubjectAlternativeName(kinds[type(name)], str(name.value)) for name in extension.value)


def parse_host_name(text: str) -> str:
    """A DNS name without a wildcard, as lower-case A-labels (RFC 5890). Raises PkiError."""
    name = FULL_STOPS.sub(".", unicodedata.normalize("NFC", text.strip())).removesuffix(".")
    # An A-label is never shorter than what it stands for.
    is_long = len(name) > LONGEST_DNS_NAME
    labels = [_a_label(label, text) for label in name.split(".")] if name and not is_long else []
    if not 1 <= len(".".join(labels)) <= LONGEST_DNS_NAME:
        raise PkiError(f"names: {text!r} is not a DNS name: it needs 1 to {LONGEST_DNS_NAME} characters as A-labels.")
    if labels[-1].isdigit():
        raise PkiError(f"names: {text!r} looks like an IP address and is none, and no DNS name ends in a number.")
    return ".".join(labels)


def is_host_name(value: str) -> bool:
    """Whether ``value`` is a DNS name by the form that a certificate has of it. Of what its A-labels stand for nothing
    is asked: earlier versions made some that :func:`parse_host_name` refuses."""
    labels = value.split(".")
    return len(value) <= LONGEST_DNS_NAME and all(map(LABEL.match, labels)) and not labels[-1].isdigit()


def _parse_dns(text: str) -> str:
    if not (text.startswith("*") and FULL_STOPS.match(text, 1)):
        return parse_host_name(text)
    base = parse_host_name(text[2:])
    if "." not in base:
        raise PkiError(
            f"names: clients refuse the wildcard {text!r}, since it covers a whole top-level domain. "
            f"Use a wildcard one level down, such as '*.app.{base}', or write the names out."
        )
    return f"*.{base}"


def _a_label(label: str, name: str) -> str:
    if not label.isascii():
        return encoded_label(label, name)
    label = label.lower()
    if not LABEL.match(label):
        raise PkiError(
            f"names: {name!r} is not a DNS name: the label {label!r} may hold letters, digits and inner hyphens only, "
            "63 at most, and a wildcard is the whole first label."
        )
    if label.startswith(A_LABEL_PREFIX):
        check_a_label(label, name)
    elif label[2:4] == "--":
        raise PkiError(
            f"names: {name!r} is not a DNS name: the label {label!r} has hyphens in the third and fourth place, which "
            f"only A-labels ({A_LABEL_PREFIX}...) may have (RFC 5891)."
        )
    return label


def _parse_email(text: str) -> SubjectAlternativeName:
    mailbox, _at, domain = text.rpartition("@")
    if not MAILBOX.match(mailbox) or len(mailbox) > 64:
        raise PkiError(
            f"names: {text!r} is not an e-mail address that a certificate can hold: check what stands before the '@'."
        )
    return SubjectAlternativeName(NameKind.EMAIL, f"{mailbox}@{parse_host_name(domain)}", text)


def _parse_uri(text: str) -> SubjectAlternativeName:
    if "@" in AUTHORITY_END.split(text.partition("://")[2])[0]:
        # Without the text, in which a password may stand.
        raise PkiError(
            "names: a URI has user information before its host, which everybody could read in the certificate. Leave "
            "out what stands before the '@', and change the password if it was one."
        )
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise PkiError(
            f"names: the URI {text!r} may hold printable ASCII characters only; write its host by A-labels (xn--...), "
            "and percent-encode what else there is (RFC 3986)."
        )
    try:
        parts = urlsplit(text)
        scheme, host, _port = parts.scheme, parts.hostname, parts.port
    except ValueError as error:
        raise PkiError(f"names: {text!r} is not a URI: {error}.") from error
    if not scheme or not host:
        raise PkiError(f"names: the URI {text!r} names no {'host' if scheme else 'scheme'}.")
    if "#" in text:
        raise PkiError(
            f"names: the URI {text!r} has a fragment, which no client sends to a server. Leave out what follows '#'."
        )
    try:
        ipaddress.ip_address(host)
    except ValueError:
        parse_host_name(host)
        return SubjectAlternativeName(NameKind.URI, text)
    # RFC 5280, section 4.2.1.10: under a URI constraint, a URI whose host is an address is rejected.
    raise PkiError(
        f"names: the URI {text!r} must name its host by a DNS name, since verifiers reject an address there."
    )
