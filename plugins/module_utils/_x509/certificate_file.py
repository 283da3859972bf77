# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files in which other programs keep certificates: PEM, perhaps with a key, perhaps reached by links."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import read_regular_file
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import is_whole_der
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import decode_body
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_search import find_blocks

_LARGEST_FILE = 256 * 1024
_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE")  # RFC 7468, section 5.1


class CertificateFileError(ValueError):
    """The file has no certificate, or cannot be read; says why."""


def read_certificates(path: str) -> list[bytes]:
    """The DER of each certificate in the file, in order, at least one. Links are followed, as servers follow them; what
    else is in the file, such as a private key, is passed over. Raises CertificateFileError."""
    try:
        blocks = find_blocks(read_regular_file(path, _LARGEST_FILE))
        found = [decode_body(block.body) for block in blocks if block.label in _LABELS]
    except OSError as error:
        raise CertificateFileError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise CertificateFileError(f"{path} has a damaged certificate: {error}") from error
    if not found:
        raise CertificateFileError(f"{path} has no certificate in PEM")
    if not all(map(is_whole_der, found)):
        raise CertificateFileError(f"{path} has a certificate that is truncated or not DER")
    return found
