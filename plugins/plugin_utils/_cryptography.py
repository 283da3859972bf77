# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the ``cryptography`` package that the core uses, imported in one guarded place.

ansible-core requires ``cryptography`` on the controller, but any release of it: :func:`check_version` comes first in
every action. The import sandbox of ``ansible-test sanity`` has none at all, and the documentation tools import plugins
there: hence the guard. Annotations are the only use of these names that a module may make at import time (with
``from __future__ import annotations``).
"""

from __future__ import annotations

import re
import sys

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

__all__ = [
    "AESGCM",
    "AuthorityInformationAccessOID",
    "ExtendedKeyUsageOID",
    "ExtensionOID",
    "InvalidSignature",
    "InvalidTag",
    "NameOID",
    "Scrypt",
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
    from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509 import ocsp
    from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, ExtensionOID, NameOID
except ImportError:  # without the package, or with one that lacks a name; the names must exist to be imported
    globals().update(dict.fromkeys(__all__))

try:
    from cryptography import __version__ as installed_version
except ImportError:
    installed_version = ""

# The first release with the times of OCSP responses in UTC, and the oldest one that the tests run on.
OLDEST = 43


def check_version(version: str = installed_version) -> None:
    """Raise PkiError where ``version`` of the package is too old, or empty since there is none."""
    major = re.match(r"\d+", version)
    if major is None or int(major[0]) < OLDEST:
        raise PkiError(
            f"anchorage.pki needs the Python package cryptography, {OLDEST} or newer, on the controller; "
            f"{sys.executable} has {version or 'none'}. Upgrade it there."
        )
