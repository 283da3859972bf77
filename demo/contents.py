# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the demo's page shows: the leaf, its chain, its staple and the constraints of its authority, read from the files
that are served. It is one HTML document, which loads nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape
from pathlib import Path

import proof
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

#: The kinds of names that constraints are about, as people call them.
KINDS: dict[type[x509.GeneralName], str] = {
    x509.DNSName: "DNS names",
    x509.IPAddress: "IP addresses",
    x509.RFC822Name: "e-mail addresses",
    x509.UniformResourceIdentifier: "URIs",
}
STYLE = """
:root { color-scheme: light dark; --line: #8885; --good: #17803d; }
@media (prefers-color-scheme: dark) { :root { --good: #5fd38d; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; color: var(--good); }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-top: 1px solid var(--line); }
th { width: 11rem; font-weight: 600; }
td, code { overflow-wrap: anywhere; }
code { font: .9em ui-monospace, monospace; }
"""
DOCUMENT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>anchorage.pki: the demo</title>
<style>{style}</style>
</head>
<body>
<h1>This machine trusts this connection</h1>
<p>No warning was clicked away: the certificate of this page comes from the authority that <code>make demo</code> made
here, and this machine trusts that authority.</p>
{sections}
<p>Ctrl-C ends this page. <code>make demo-undo</code> removes every trace of the demo.</p>
</body>
</html>
"""


def document(folder: Path) -> bytes:
    """The page about the demo in this folder."""
    leaf, chain, root = chain_of(folder)
    staple = ocsp.load_der_ocsp_response((proof.leaf_folder(folder) / "staple.der").read_bytes())
    sections = (
        section("Leaf", "What this server shows.", leaf_rows(leaf)),
        section("Chain", "What signed it, up to the root that this machine trusts.", chain_rows([leaf, *chain, root])),
        section("Staple", "What the authority says of the leaf, sent along with it.", staple_rows(staple)),
        section(
            "Constraints",
            "Whatever the authority signs is void outside of these. They are critical in the root, so that nobody"
            " who steals its key can impersonate a site of the public web.",
            constraint_rows(root),
        ),
    )
    return DOCUMENT.format(style=STYLE, sections="\n".join(sections)).encode()


def chain_of(folder: Path) -> tuple[x509.Certificate, list[x509.Certificate], x509.Certificate]:
    """The leaf, what is between, and the root."""
    served = proof.leaf_folder(folder)
    between = x509.load_pem_x509_certificates((served / "chain.pem").read_bytes())
    return proof.load(served / "cert.pem"), between, proof.load(proof.roots(folder)[-1])


def section(title: str, sentence: str, rows: Iterable[tuple[str, list[str]]]) -> str:
    """A heading, a sentence and a table, whose cells have a line for each of their texts."""
    table = "\n".join(
        f'<tr><th scope="row">{escape(heading)}</th><td>{"<br>".join(map(escape, lines))}</td></tr>'
        for heading, lines in rows
    )
    return f"<h2>{escape(title)}</h2>\n<p>{escape(sentence)}</p>\n<table>\n{table}\n</table>"


def leaf_rows(leaf: x509.Certificate) -> Iterable[tuple[str, list[str]]]:
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    yield "For the names", [str(name.value) for name in names]
    yield "Valid", [f"{minute(leaf.not_valid_before_utc)} until {minute(leaf.not_valid_after_utc)}"]
    yield "Key", [key_type(leaf)]
    yield "Serial number", [f"{leaf.serial_number:x}"]
    yield "SHA-256", [proof.sha256(leaf)]


def chain_rows(certificates: list[x509.Certificate]) -> Iterable[tuple[str, list[str]]]:
    roles = ["Leaf", *["Issuing authority"] * (len(certificates) - 2), "Root"]
    for role, certificate in zip(roles, certificates, strict=True):
        until = f"until {minute(certificate.not_valid_after_utc)}, {key_type(certificate)}"
        yield role, [certificate.subject.rfc4514_string(), until, f"SHA-256 {proof.sha256(certificate)}"]


def staple_rows(response: ocsp.OCSPResponse) -> Iterable[tuple[str, list[str]]]:
    yield "Says", [response.certificate_status.name.lower()]
    until = response.next_update_utc
    yield "Valid", [f"{minute(response.this_update_utc)} until {minute(until) if until else '(no end)'}"]
    yield "Of the serial number", [f"{response.serial_number:x}"]
    yield "Signed by", [certificate.subject.rfc4514_string() for certificate in response.certificates]


def constraint_rows(root: x509.Certificate) -> Iterable[tuple[str, list[str]]]:
    constraints = root.extensions.get_extension_for_class(x509.NameConstraints).value
    for verdict, subtrees in (
        ("Permitted", constraints.permitted_subtrees),
        ("Excluded", constraints.excluded_subtrees),
    ):
        for kind, called in KINDS.items():
            values = [str(subtree.value) for subtree in subtrees or [] if isinstance(subtree, kind)]
            if values:
                yield f"{verdict} {called}", values


def key_type(certificate: x509.Certificate) -> str:
    """The demo's keys are all of one kind, on different curves."""
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return f"ECDSA {key.curve.name}"


def minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
