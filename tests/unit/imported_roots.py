# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roots with their keys, as the programs write them that made one before.

mkcert and easy-rsa make theirs here, each in a folder of its own, and so does community.crypto where the laboratory has
it, by the modules openssl_privatekey, openssl_csr_pipe and x509_certificate, with the options of the guide to one's own
authority. What step writes is made anew: ``step certificate create --profile root-ca`` (Debian has no package of step).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.imported import Import
from ansible_collections.anchorage.pki.tests.unit.corporate_pki import usage
from ansible_collections.anchorage.pki.tests.unit.roots import named
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from lab import machine

EASY_RSA = "/usr/share/easy-rsa/easyrsa"
#: Shorter than this collection's own may be.
FORMER_PASSPHRASE = "of-before"
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class MadeRoot:
    """The files of a root and its key, and the passphrase of that, None for none."""

    certificate_path: Path
    key_path: Path
    passphrase: str | None = None

    @property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate_path.read_bytes())

    @property
    def importing(self) -> Import:
        """What the options give that name them."""
        certificate = Given("import_certificate", self.certificate_path.read_bytes())
        return Import(certificate, Given("import_key", self.key_path.read_bytes()), self.passphrase)

    @property
    def options(self) -> dict[str, object]:
        """The same for the role."""
        passphrase = {"certificate_authority_import_passphrase": self.passphrase} if self.passphrase else {}
        return {
            "certificate_authority_import_certificate": str(self.certificate_path),
            "certificate_authority_import_key": str(self.key_path),
            **passphrase,
        }


def mkcert(folder: Path) -> MadeRoot:
    """A root that mkcert made, which installs it nowhere: it makes it for the first leaf."""
    _run(folder, ["mkcert", "-cert-file", "leaf.pem", "-key-file", "leaf.key", "localhost"], {"CAROOT": str(folder)})
    return MadeRoot(folder / "rootCA.pem", folder / "rootCA-key.pem")


def easy_rsa(folder: Path, algorithm: str = "rsa", curve: str = "") -> MadeRoot:
    """What easy-rsa makes; by default RSA of 2,048 bits, with the key in encrypted PKCS#8."""
    passphrases = dict.fromkeys(("EASYRSA_PASSIN", "EASYRSA_PASSOUT"), f"pass:{FORMER_PASSPHRASE}")
    settings = {"EASYRSA_PKI": str(folder / "pki"), "EASYRSA_BATCH": "1", **passphrases}
    settings |= {"EASYRSA_ALGO": algorithm, **({"EASYRSA_CURVE": curve} if curve else {})}
    for command in ("init-pki", "build-ca"):
        _run(folder, [EASY_RSA, command], settings)
    return MadeRoot(folder / "pki" / "ca.crt", folder / "pki" / "private" / "ca.key", FORMER_PASSPHRASE)


def step(folder: Path) -> MadeRoot:
    """What ``step certificate create NAME root.crt root.key --profile root-ca`` writes: path length 1, and the key as
    ``EC PRIVATE KEY`` with ``DEK-Info: AES-256-CBC``."""
    key = ec.generate_private_key(ec.SECP256R1())
    return write_root(folder, self_signed("Step root", key, usage(), path_length=1), key, FORMER_PASSPHRASE)


def community_crypto_itself(folder: Path) -> MadeRoot:
    """What the modules of community.crypto write, in a run of ansible-playbook. Skips where the laboratory has not
    fetched that collection."""
    if not (Path(os.environ["ANSIBLE_COLLECTIONS_PATH"]) / "ansible_collections" / "community" / "crypto").exists():
        pytest.skip("community.crypto: run tests/lab/fetch_collections.py, as make lint does")
    made = MadeRoot(folder / "made.crt", folder / "made.key", FORMER_PASSPHRASE)
    key = {"privatekey_path": str(made.key_path), "privatekey_passphrase": FORMER_PASSPHRASE}
    request = {"common_name": "Ansible CA", "use_common_name_for_san": False, "key_usage": ["keyCertSign"]}
    request |= {"basic_constraints": ["CA:TRUE"], "basic_constraints_critical": True, "key_usage_critical": True}
    signed = {"path": str(made.certificate_path), "provider": "selfsigned", "csr_content": "{{ request.csr }}"}
    tasks = [
        {"community.crypto.openssl_privatekey": {"path": str(made.key_path), "passphrase": FORMER_PASSPHRASE}},
        {"community.crypto.openssl_csr_pipe": request | key, "register": "request"},
        {"community.crypto.x509_certificate": signed | key},
    ]
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    play = {"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}
    (folder / "play.json").write_text(json.dumps([play]))
    program = Path(sys.executable).with_name("ansible-playbook")
    _run(folder, [str(program), str(folder / "play.json")], {"HOME": str(folder)})
    return made


def community_crypto(folder: Path) -> MadeRoot:
    """The same form, made anew: RSA of 4,096 bits, no path length and keyCertSign alone, and the key as ``RSA PRIVATE
    KEY`` with ``DEK-Info: AES-256-CBC``."""
    key = rsa.generate_private_key(65537, 4096)
    return write_root(folder, self_signed("Ansible CA", key, usage(crl_sign=False)), key, FORMER_PASSPHRASE)


#: Those below which an issuing authority can be.
IMPORTABLE: Mapping[str, Callable[[Path], MadeRoot]] = {
    "step": step,
    "easy-rsa": easy_rsa,
    "community.crypto": community_crypto,
}


def openssl_root(folder: Path, *key: str) -> MadeRoot:
    """A root that the command openssl makes, with a ``key`` as its options say, such as no library here makes."""
    made = MadeRoot(folder / "odd.crt", folder / "odd.key")
    words = ["openssl", "req", "-x509", *key, "-noenc", "-keyout", made.key_path, "-out", made.certificate_path]
    more = ["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-days", "3650", "-subj", "/CN=Odd root"]
    _run(folder, [*map(str, words), *more], {})
    return made


#: A curve that is named, and that cryptography does not know; a known one that is written out; RSASSA-PSS alone.
UNKNOWN_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp112r1")
WRITTEN_OUT = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit")
PSS_ALONE = ("-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048")


def self_signed(
    name: str,
    key: Key,
    *extensions: x509.ExtensionType,
    path_length: int | None = None,
    is_authority: bool = True,
    begins: datetime | None = None,
    days: int = 3650,
    identified: bool = True,
) -> x509.Certificate:
    """A certificate that its own key has signed."""
    start = begins or datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=1)
    basic = x509.BasicConstraints(is_authority, path_length)
    identifier = [x509.SubjectKeyIdentifier.from_public_key(key.public_key())] if identified else []
    builder = (
        x509.CertificateBuilder(named(name), named(name), key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
        .add_extension(basic, critical=True)
    )
    for extension in (*extensions, *identifier):
        builder = builder.add_extension(extension, critical=not isinstance(extension, x509.SubjectKeyIdentifier))
    return builder.sign(key, hashes.SHA256())


def write_root(folder: Path, certificate: x509.Certificate, key: Key, passphrase: str) -> MadeRoot:
    """The files of a root, with the key in the form that OpenSSL wrote before PKCS#8."""
    made = MadeRoot(folder / "root.crt", folder / "root.key", passphrase)
    encryption = BestAvailableEncryption(passphrase.encode())
    made.certificate_path.write_bytes(certificate.public_bytes(Encoding.PEM))
    made.key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, encryption))
    return made


def _run(folder: Path, command: list[str], settings: Mapping[str, str]) -> None:
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is missing: install {machine.PROGRAMS[command[0]]}")
    environment = {**os.environ, **settings}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
