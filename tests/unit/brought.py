# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificate signing requests as OpenSSL makes them on devices."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

#: What makes a key, by the name of a request.
KEYS = {
    "rsa": ("rsa:2048",),
    "ec": ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
    "p521": ("ec", "-pkeyopt", "ec_paramgen_curve:secp521r1"),
    "ed25519": ("ed25519",),
    "short": ("rsa:1024",),
    "unusual curve": ("ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
    "written out": ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-pkeyopt", "ec_param_enc:explicit"),
    "ed448": ("ed448",),
    "pss": ("rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"),
    "exponent": ("rsa:2048", "-pkeyopt", "rsa_keygen_pubexp:3"),
}


def make_request(kind: str = "ec", *names: str, subject: str = "/CN=appliance", options: tuple[str, ...] = ()) -> str:
    """A request in PEM with a new key; ``names`` are as OpenSSL writes them, such as DNS:a.test."""
    extensions = ["-addext", f"subjectAltName={','.join(names)}"] if names else []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "request.pem")
        command = ["openssl", "req", "-new", "-nodes", "-keyout", Path(folder, "key"), "-out", path, "-newkey"]
        command += [*KEYS[kind], "-subj", subject, *extensions, *options]
        subprocess.run(command, check=True, capture_output=True)
        return path.read_text()
