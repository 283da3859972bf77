# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenSSL's judgement of a generation's key: it takes long to load, and a look at an undamaged leaf does without."""

from __future__ import annotations

import os
import ssl

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import COMBINED, PRIVATE_KEY
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import DerError
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import decode_body

_FIRST_WITH_ML_DSA = (3, 5)
#: The object identifiers of ML-DSA-44, -65 and -87 in DER (RFC 9881).
_ML_DSA = tuple(bytes.fromhex(f"0609608648016503040{number}") for number in ("311", "312", "313"))


def check_key(path: str) -> None:
    """Raise HostError unless the private key in the generation at ``path`` fits its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # The empty password keeps OpenSSL from asking for one at the terminal.
        context.load_cert_chain(os.path.join(path, COMBINED), password="")
    except (ssl.SSLError, ValueError) as error:
        if ssl.OPENSSL_VERSION_INFO < _FIRST_WITH_ML_DSA and _is_ml_dsa(path):
            raise HostError(
                f"key_type: this host's {ssl.OPENSSL_VERSION} knows no ML-DSA keys, which needs OpenSSL 3.5. Use "
                "another key type here, or update the host"
            ) from error
        reason = getattr(error, "reason", None) or "it cannot be read"
        raise HostError(f"the private key does not fit the certificate ({reason})") from error


def _is_ml_dsa(path: str) -> bool:
    """Whether the key of the generation is one of ML-DSA, which says so in its first bytes."""
    with open(os.path.join(path, PRIVATE_KEY), "rb") as file:
        body = file.read().partition(b"\n")[2].partition(b"-")[0]
    try:
        return any(identifier in decode_body(body) for identifier in _ML_DSA)
    except DerError:
        return False
