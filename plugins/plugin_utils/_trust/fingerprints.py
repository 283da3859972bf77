# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fingerprint by which a person says which certificate is meant, wherever that is got from.

It is that of the certificate, not that of a file: a PKI publishes the former, and the same certificate may be served in
PEM or in DER.
"""

from __future__ import annotations

import re

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import AnchorCertificate

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def require_fingerprint(anchor: AnchorCertificate, wanted: str, source: str) -> None:
    """Raise PkiError unless the anchor has the fingerprint that a person wrote down, perhaps as openssl prints it:
    ``sha256 Fingerprint=AB:CD:...``."""
    digits = re.sub(r"[:\s]", "", wanted.rpartition("=")[2]).lower()
    if not _FINGERPRINT.fullmatch(digits):
        raise PkiError(
            f"{source}: sha256 is no SHA-256 fingerprint, which has 64 hexadecimal digits, with or without colons. "
            "Have openssl x509 -noout -fingerprint -sha256 print it."
        )
    if digits != anchor.sha256:
        raise PkiError(
            f"{source}: the certificate has the fingerprint {anchor.sha256}, not that of sha256. Have its authority "
            "confirm one of them, by another way than this one, before you trust it."
        )
