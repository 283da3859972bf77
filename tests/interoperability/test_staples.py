# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every client accepts the staples that the collection signs, and refuses bad ones as far as it looks at them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import verify_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import signature_hash
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from interoperability.pki import NOW, Chain, Pki
from interoperability.programs import serve, write_chain
from interoperability.verifiers import Verdict, judge

DAY = timedelta(days=1)
Client = Callable[[Path, Path, Path | None], Verdict]
GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN


def response(
    pki: Pki,
    leaf: x509.Certificate,
    status: ocsp.OCSPCertStatus = GOOD,
    begin: timedelta = -DAY,
    end: timedelta = DAY,
    signer: Signer | None = None,
) -> bytes:
    """A response such as ``sign_staple`` would never make; the times are relative to now."""
    signer = signer or pki.responder
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=leaf,
            issuer=pki.issuing.certificate,
            algorithm=hashes.SHA1(),  # noqa: S303 an identifier, not a signature
            cert_status=status,
            this_update=(NOW + begin).replace(microsecond=0),
            next_update=(NOW + end).replace(microsecond=0),
            revocation_time=NOW - 2 * DAY if status is REVOKED else None,
            revocation_reason=x509.ReasonFlags.key_compromise if status is REVOKED else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
        .certificates([signer.certificate])
    )
    return builder.sign(signer.key, signature_hash(signer.key)).public_bytes(Encoding.DER)


def curl(root: Path, served: Path, staple: Path | None) -> Verdict:
    """Ask as ``curl --cert-status`` does, which takes nothing but a good and fresh staple."""
    with serve(served, staple) as port:
        options = (
            "--silent",
            "--show-error",
            "--output",
            "/dev/null",
            "--connect-to",
            f"app.test:443:127.0.0.1:{port}",
        )
        return judge("curl", "--cert-status", "--cacert", root, *options, "https://app.test/")


def gnutls(root: Path, served: Path, staple: Path | None) -> Verdict:
    """Ask as ``gnutls-cli`` does by default, which looks at a staple where there is one."""
    with serve(served, staple) as port:
        name = ("--sni-hostname=app.test", "--verify-hostname=app.test")
        return judge("gnutls-cli", f"--x509cafile={root}", *name, f"--port={port}", "127.0.0.1")


def openssl(root: Path, served: Path, staple: Path | None) -> Verdict:
    """Ask ``openssl ocsp``, whose status does not tell a revoked certificate or old response: its words do."""
    assert staple
    files = {"-respin": staple, "-issuer": served / "issuers.pem", "-verify_other": served / "issuers.pem"}
    options = [word for option, path in files.items() for word in (option, path)]
    trust = ("-no-CApath", "-no-CAstore", "-CAfile", root)
    words = judge("openssl", "ocsp", "-no_nonce", *options, *trust, "-cert", served / "leaf.pem").words
    good = "Response verify OK" in words and "leaf.pem: good" in words and "times invalid" not in words
    return Verdict(good, words)


@dataclass(frozen=True)
class BadStaple:
    """A staple that the collection's own gate refuses, and the words for which each client does; None if it does
    not look."""

    label: str
    make: Callable[[Pki, Chain], bytes]
    gate: str
    curl: str
    openssl: str
    gnutls: str | None


BAD_STAPLES = [
    BadStaple(
        "about another certificate",
        lambda pki, chain: response(pki, pki.chain("app.test").leaf),
        gate="about another certificate",
        curl="Could not find certificate ID",
        openssl="No Status found",
        gnutls="OCSP status response is invalid",
    ),
    BadStaple(
        "expired",
        lambda pki, chain: response(pki, chain.leaf, begin=-8 * DAY, end=-DAY),
        gate="it ended at",
        curl="OCSP response has expired",
        openssl="status expired",
        gnutls="OCSP data are old",
    ),
    BadStaple(
        "of the future",
        lambda pki, chain: response(pki, chain.leaf, begin=DAY, end=2 * DAY),
        gate="Check the clock",
        curl="OCSP response has expired",
        openssl="status not yet valid",
        gnutls=None,
    ),
    BadStaple(
        "revoked",
        lambda pki, chain: response(pki, chain.leaf, REVOKED),
        gate="the certificate is revoked",
        curl="revocation reason: keyCompromise",
        openssl="leaf.pem: revoked",
        gnutls="chain is revoked",
    ),
    BadStaple(
        "unknown",
        lambda pki, chain: response(pki, chain.leaf, UNKNOWN),
        gate="the certificate is unknown",
        curl="status verification FAILED",
        openssl="leaf.pem: unknown",
        gnutls=None,
    ),
    BadStaple(
        "signed by the leaf itself",
        lambda pki, chain: response(pki, chain.leaf, signer=Signer(chain.leaf, chain.key)),
        gate="signed by neither the issuer nor a responder",
        curl="OCSP response verification failed",
        openssl="root ca not trusted",
        gnutls="OCSP status response is invalid",
    ),
]


@pytest.fixture
def chain(pki: Pki) -> Chain:
    return pki.chain("app.test")


@pytest.fixture
def served(chain: Chain, tmp_path: Path) -> Path:
    return write_chain(chain, tmp_path / "served")


@pytest.fixture
def staple(pki: Pki, chain: Chain, tmp_path: Path) -> Path:
    path = tmp_path / "staple.der"
    path.write_bytes(sign_staple(chain.leaf, pki.issuing.certificate, pki.responder, 7, NOW).der)
    return path


@pytest.mark.parametrize(("client", "words"), [(curl, ""), (openssl, ""), (gnutls, "OCSP status request")])
def test_a_staple_is_accepted(pki: Pki, served: Path, staple: Path, client: Client, words: str) -> None:
    verdict = client(pki.root_file, served, staple)
    assert verdict.accepted, verdict.words
    assert words in verdict.words


def test_a_staple_is_signed_by_an_appointed_responder(served: Path, staple: Path) -> None:
    # ocsptool looks at the signature alone, and finds the responder's issuer nowhere but among its anchors.
    verdict = judge("ocsptool", "--verify-response", "--load-trust", served / "issuers.pem", "--load-response", staple)
    assert verdict.accepted, verdict.words


@pytest.mark.parametrize("bad", BAD_STAPLES, ids=lambda bad: bad.label)
@pytest.mark.parametrize("client", [curl, openssl, gnutls])
def test_a_bad_staple_is_refused(
    pki: Pki, chain: Chain, served: Path, tmp_path: Path, bad: BadStaple, client: Client
) -> None:
    path = tmp_path / "staple.der"
    path.write_bytes(bad.make(pki, chain))
    verdict = client(pki.root_file, served, path)
    words = getattr(bad, client.__name__)
    assert verdict.accepted == (words is None), verdict.words
    assert (words or "") in verdict.words


@pytest.mark.parametrize("bad", BAD_STAPLES, ids=lambda bad: bad.label)
def test_a_bad_staple_passes_no_gate(pki: Pki, chain: Chain, bad: BadStaple) -> None:
    with pytest.raises(PkiError, match=bad.gate):
        verify_staple(bad.make(pki, chain), chain.leaf, pki.issuing.certificate, NOW)


def test_a_strict_client_misses_a_staple(pki: Pki, served: Path) -> None:
    verdict = curl(pki.root_file, served, None)
    assert not verdict.accepted
    assert "No OCSP response received" in verdict.words
