# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the ``cryptography`` package that the core uses, imported in one guarded place.

ansible-core requires ``cryptography`` on the controller, so it is always there in a run. The import sandbox of
``ansible-test sanity`` has none, and the documentation tools import plugins there: hence the guard. Annotations are
the only use of these names that a module may make at import time (with ``from __future__ import annotations``).
"""

from __future__ import annotations

__all__ = [
    "ExtendedKeyUsageOID",
    "ExtensionOID",
    "InvalidSignature",
    "NameOID",
    "UnsupportedAlgorithm",
    "ec",
    "ed25519",
    "hashes",
    "ocsp",
    "padding",
    "pkcs12",
    "rsa",
    "serialization",
    "x509",
]

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509 import ocsp
    from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
except ImportError:  # only in a sandbox without the package: see above; the names must exist to be imported
    globals().update(dict.fromkeys(__all__))
