# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenSSL 3.5 verifies and serves what the collection signs with ML-DSA, and nginx beside a classic leaf: those of this
machine, or where its OpenSSL is older those of the laboratory's Debian 13."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.signing import sign_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import POST_QUANTUM, KeyType
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import sign_list
from interoperability.pki import NOW, Pki, make_pki
from interoperability.programs import ENVIRONMENT, write_chain

IMAGE = "localhost/anchorage/trixie:web"
#: More than the start of a container takes, in seconds.
LIMIT = 60


def shell(folder: Path, script: str) -> str:
    """What a script in that folder writes, with an OpenSSL that knows ML-DSA. Skips the test where there is none."""
    command = ["sh", "-euc", f"cd {folder}; {script}"]
    if not (shutil.which("nginx") and _finished("openssl", "genpkey", "-algorithm", "ML-DSA-44").returncode == 0):
        if not shutil.which("podman") or _finished("podman", "image", "exists", IMAGE).returncode:
            pytest.skip(f"OpenSSL here is older than 3.5, and there is no image {IMAGE}: make molecule")
        command = ["podman", "run", "--rm", "--network=none", f"--volume={folder}:{folder}", IMAGE, *command]
    finished = _finished(*command)
    assert finished.returncode == 0, finished.stdout
    return finished.stdout


def _finished(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=LIMIT,
        check=False,
    )


@pytest.fixture(scope="module", params=POST_QUANTUM, ids=[each.value for each in POST_QUANTUM])
def pki(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(request.param, tmp_path_factory.mktemp(request.param.value) / "authority")


def written(pki: Pki, folder: Path) -> Path:
    """A folder with a leaf, its chain, its staple and its root."""
    chain = pki.chain("app.test")
    made = write_chain(chain, folder)
    staple = sign_staple(chain.leaf, pki.issuing.certificate, pki.responder, 7, NOW)
    (made / "staple.der").write_bytes(staple.der)
    (made / "root.pem").write_text(to_pem(pki.root))
    return made


def test_openssl_accepts_chain_staple_and_list(pki: Pki, tmp_path: Path) -> None:
    folder = written(pki, tmp_path / "leaf")
    crl = sign_list(pki.issuing, [], 1, pki.issuing.certificate.not_valid_after_utc, NOW)
    (folder / "list.crl").write_bytes(crl.der)
    said = shell(
        folder,
        "openssl verify -x509_strict -purpose sslserver -verify_hostname app.test -CAfile root.pem"
        " -untrusted issuers.pem leaf.pem;"
        " openssl ocsp -respin staple.der -issuer issuers.pem -cert leaf.pem -CAfile root.pem -verify_other issuers.pem"
        " -no_nonce 2>&1;"
        " openssl crl -inform DER -in list.crl -CAfile issuers.pem -noout 2>&1",
    )
    assert "leaf.pem: OK" in said
    assert "Response verify OK" in said
    assert "leaf.pem: good" in said
    assert "verify OK" in said


def test_openssl_serves_it_with_its_staple(pki: Pki, tmp_path: Path) -> None:
    folder = written(pki, tmp_path / "leaf")
    said = shell(
        folder,
        "openssl s_server -www -accept 127.0.0.1:14433 -cert leaf.pem -cert_chain issuers.pem -key key.pem"
        " -status_file staple.der >/dev/null 2>&1 & server=$!; sleep 2;"
        " openssl s_client -connect 127.0.0.1:14433 -servername app.test -verify_hostname app.test -CAfile root.pem"
        " -verify_return_error -status </dev/null 2>&1; kill $server",
    )
    assert "Verification: OK" in said
    assert "OCSP Response Status: successful" in said
    assert f"Peer signature type: {pki.key_type.value.replace('-', '')}" in said


def test_nginx_serves_a_classic_leaf_beside_it(tmp_path: Path) -> None:
    """Each client gets the one that it can verify: both are leaves of this name, in folders of their own."""
    for kind in (KeyType.ECDSA_P256, KeyType.ML_DSA_65):
        written(make_pki(kind, tmp_path / f"authority-{kind.value}"), tmp_path / kind.value)
    pairs = "".join(
        f"ssl_certificate {tmp_path}/{kind}/chain.pem; ssl_certificate_key {tmp_path}/{kind}/key.pem;"
        for kind in ("ecdsa-p256", "ml-dsa-65")
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon on; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\n"
        f"http {{ access_log off; server {{ listen 127.0.0.1:14433 ssl; ssl_protocols TLSv1.2 TLSv1.3; {pairs} }} }}\n"
    )
    client = (
        "openssl s_client -connect 127.0.0.1:14433 -servername app.test -verify_return_error -verify_hostname app.test"
    )
    said = shell(
        tmp_path,
        f"nginx -c {tmp_path}/nginx.conf; sleep 1;"
        f" {client} -sigalgs mldsa65 -CAfile ml-dsa-65/root.pem </dev/null 2>&1; echo ====;"
        f" {client} -sigalgs ecdsa_secp256r1_sha256 -CAfile ecdsa-p256/root.pem </dev/null 2>&1; echo ====;"
        f" {client} -tls1_2 -CAfile ecdsa-p256/root.pem </dev/null 2>&1; nginx -c {tmp_path}/nginx.conf -s stop",
    )
    post_quantum, classic, old = said.split("====")
    assert [part.count("Verification: OK") for part in (post_quantum, classic, old)] == [1, 1, 1]
    assert "Peer signature type: mldsa65" in post_quantum
    assert "Peer signature type: ecdsa_secp256r1_sha256" in classic
    assert "Peer signature type: ecdsa_secp256r1_sha256" in old
