# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proves what the demo made, and that its undoing left nothing.

The proof is a TLS handshake with the machine's own trust store: nothing here names a certificate of the authority.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import page
from cryptography import x509
from cryptography.hazmat.primitives import hashes

NAME = "app.localhost"
STORE = Path("/etc/ssl/certs")
BUNDLE = STORE / "ca-certificates.crt"
TIME_LIMIT = 20


def prove_made(folder: Path) -> list[str]:
    """Serve the leaf with its staple, look at it as a client of this machine would, and print the summary."""
    leaf = leaf_folder(folder)
    with served(leaf) as port:
        seen = look(port)
        curl = fetch(port)
    root = load(roots(folder)[-1])
    certificate = load(leaf / "cert.pem")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    staple = re.search(r"Next Update: (.*)", seen)
    chain = re.findall(r"^ \d s:(.*)$", seen, re.MULTILINE)
    print(
        f"""
Made     {root.subject.rfc4514_string()}, until {root.not_valid_after_utc:%Y-%m-%d}, in {folder}/authority
         void outside {permitted(root, x509.DNSName)}
         and {permitted(root, x509.IPAddress)}
         leaf {", ".join(str(name.value) for name in names)}, until {certificate.not_valid_after_utc:%Y-%m-%d}
         in {leaf} (fullchain.pem, privkey.pem)
Trusted  by this machine ({BUNDLE}), SHA-256 {sha256(root)}
Proved   openssl, with nothing but that: {", ".join(chain)}; staple good until {staple[1] if staple else "(none seen)"}
         curl: {curl}
Next     make demo-serve   shows a page with it in your browser
         make demo-undo    removes every trace
"""
    )
    wanted = {
        "the chain leads to a root that this machine trusts": "Verify return code: 0 (ok)",
        "the staple came with the handshake": "OCSP Response Status: successful",
        "the staple says good": "Cert Status: good",
    }
    failures = [claim for claim, words in wanted.items() if words not in seen]
    return failures + ([f"curl accepts it: {curl}"] if curl.startswith("refused") else [])


def prove_gone(folder: Path, gone: list[str]) -> list[str]:
    """Neither files nor trust are left. ``gone`` are the fingerprints of the demo's roots, none where none was made."""
    failures = [f"{folder} is gone"] if folder.exists() else []
    failures += [
        f"no program trusts a root of the demo any more (one is still in {path})"
        for path in (path for path in sorted(STORE.iterdir()) if path.is_file())
        if fingerprints(path).intersection(gone)
    ]
    if not failures:
        names = ", ".join(fingerprint[:16] for fingerprint in gone)
        trust = f"root {names} is in the system store no more" if gone else "no root was left to remove"
        print(f"The demo is undone: {folder} is gone, and {trust}.")
    return failures


def fingerprints(path: Path) -> set[str]:
    """The fingerprints of all certificates in a PEM file of the system store."""
    # Read block by block, since public bundles hold certificates that no library likes to parse.
    blocks = re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", path.read_text("utf-8"), re.DOTALL)
    return {hashlib.sha256(ssl.PEM_cert_to_DER_cert(block)).hexdigest() for block in blocks}


@contextlib.contextmanager
def served(leaf: Path) -> Iterator[int]:
    """``openssl s_server`` with the leaf, its chain and its staple on a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = page.tls_server("-accept", f"127.0.0.1:{port}", "-www")
    server = subprocess.Popen(command, cwd=leaf, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield port
    finally:
        server.kill()
        server.wait()


def wait_for(port: int) -> None:
    """Return once the server accepts connections. Raises OSError when it does not in time."""
    deadline = time.monotonic() + TIME_LIMIT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def look(port: int) -> str:
    """What ``openssl s_client`` says of a handshake that asks for the staple and verifies against the default store."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME, "-verify_hostname", NAME]
    finished = subprocess.run(
        [*command, "-status"], input="", capture_output=True, text=True, timeout=TIME_LIMIT, check=False
    )
    return finished.stdout


def fetch(port: int) -> str:
    """What curl, which insists on a good staple with ``--cert-status``, says of the page."""
    if not shutil.which("curl"):
        return "not installed, not asked"
    resolve = f"{NAME}:{port}:127.0.0.1"
    command = ["curl", "--silent", "--show-error", "--cert-status", "--resolve", resolve, f"https://{NAME}:{port}/"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    return "the same, and insists on the staple" if finished.returncode == 0 else f"refused: {finished.stderr.strip()}"


def leaf_folder(folder: Path) -> Path:
    """The generation of the demo's leaf that is in use."""
    return folder / "certificates" / "app" / "current"


def roots(folder: Path) -> list[Path]:
    """The certificates of the demo's root, the one in use last."""
    return sorted((folder / "authority" / "root").glob("*/certificate.pem"), key=lambda path: int(path.parent.name))


def permitted(root: x509.Certificate, kind: type[x509.DNSName | x509.IPAddress]) -> str:
    """The domains, or the networks, that the root's name constraints leave it."""
    subtrees = root.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    return ", ".join(str(subtree.value) for subtree in subtrees if isinstance(subtree, kind))


def load(path: Path) -> x509.Certificate:
    """The certificate in a PEM file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def sha256(certificate: x509.Certificate) -> str:
    """A certificate's fingerprint in hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()
