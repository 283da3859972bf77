# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client asks ``openssl ocsp``, and the gate takes what that answers."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.client import fetch_all
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.deadline import Deadline
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.errors import RefusedError
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer, Question
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.replies import ask
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.system import System
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.urls import parse_url, with_request
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import DIGESTS, ocsp_request
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import verify_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import encode_key
from cryptography import x509
from cryptography.x509 import ocsp
from interoperability.pki import NOW, Pki
from interoperability.programs import ENVIRONMENT, need, port_of

DIRECT = System(proxies=dict)
DAY = timedelta(days=1)
#: Of a database of ``openssl ca``: good, revoked.
VALID, REVOKED = "V", "R"


@contextmanager
def openssl_responder(pki: Pki, folder: Path, known: dict[str, x509.Certificate], signer: Signer) -> Iterator[str]:
    """``openssl ocsp`` as the responder of the issuing authority, by its URL. ``known`` is what it knows, by status."""
    need("openssl")
    (folder / "index.txt").write_text("".join(database_line(status, leaf) for status, leaf in known.items()))
    (folder / "issuing.pem").write_text(to_pem(pki.issuing.certificate))
    (folder / "signer.pem").write_text(to_pem(signer.certificate) + encode_key(signer.key).decode())
    files = {"-index": "index.txt", "-CA": "issuing.pem", "-rsigner": "signer.pem"}
    options = [word for option, name in files.items() for word in (option, str(folder / name))]
    command = ["openssl", "ocsp", "-port", "0", *options, "-ndays", "2"]
    with subprocess.Popen(
        command,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as server:
        try:
            yield f"http://127.0.0.1:{port_of(server)}"
        finally:
            server.kill()


def database_line(status: str, leaf: x509.Certificate) -> str:
    """What ``openssl ca`` notes of a certificate: status, end, when and why it was revoked, serial, file, subject."""
    end, revoked = (f"{moment:%y%m%d%H%M%SZ}" for moment in (leaf.not_valid_after_utc, NOW - DAY))
    serial = f"{leaf.serial_number:X}"
    serial = serial if len(serial) % 2 == 0 else f"0{serial}"
    return "\t".join([status, end, revoked if status == REVOKED else "", serial, "unknown", "/CN=x"]) + "\n"


@pytest.mark.parametrize("digest", DIGESTS)
def test_openssl_answers_what_the_client_asks(pki: Pki, tmp_path: Path, digest: str) -> None:
    good, revoked, unknown = (pki.chain(f"{name}.test").leaf for name in ("good", "revoked", "unknown"))
    issuer = pki.issuing.certificate
    with openssl_responder(pki, tmp_path, {VALID: good, REVOKED: revoked}, pki.responder) as url:
        questions = [
            Question("get", url, ocsp_request(good, issuer, digest), True),
            Question("post", f"{url}/{'x' * 255}", ocsp_request(good, issuer, digest), True),
            Question("revoked", url, ocsp_request(revoked, issuer, digest), True),
            Question("unknown", url, ocsp_request(unknown, issuer, digest), True),
        ]
        answers = {answer.name: answer for answer in fetch_all(questions, DIRECT)}
    assert all(answer == Answer(name, answer.response) for name, answer in answers.items())
    said = {name: ocsp.load_der_ocsp_response(answer.response) for name, answer in answers.items()}
    assert {response.hash_algorithm.name for response in said.values()} == {digest}
    statuses = {name: response.certificate_status.name for name, response in said.items()}
    assert statuses == {"get": "GOOD", "post": "GOOD", "revoked": "REVOKED", "unknown": "UNKNOWN"}


def test_the_gate_takes_what_openssl_answers(pki: Pki, tmp_path: Path) -> None:
    good, issuer = pki.chain("good.test").leaf, pki.issuing.certificate
    with openssl_responder(pki, tmp_path, {VALID: good}, pki.responder) as url:
        (answer,) = fetch_all([Question("good", url, ocsp_request(good, issuer), True)], DIRECT)
    assert verify_staple(answer.response, good, issuer, datetime.now(timezone.utc)).der == answer.response


def test_openssl_refuses_what_is_no_request(pki: Pki, tmp_path: Path) -> None:
    """One request alone: it ends with the first one that it cannot read."""
    good = pki.chain("good.test").leaf
    with openssl_responder(pki, tmp_path, {VALID: good}, pki.responder) as url:
        target = with_request(parse_url(url), b"nonsense")
        assert target
        with pytest.raises(RefusedError, match=f"^{target.place} answered with HTTP status 400$"):
            ask(target, b"", True, DIRECT, Deadline(time.monotonic, 10))
