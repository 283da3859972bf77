# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The private keys in an authority's folder: each beside what was made for its public half."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import KeyAwayError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import read_private
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import PrivateKey, decode_key

KEY = "key.pem"
REQUEST = "request.pem"


@dataclass(frozen=True)
class IssuingRequest:
    """The request for an issuing certificate that another authority is to sign, with the key in the same folder."""

    folder: Path
    request: x509.CertificateSigningRequest

    @property
    def number(self) -> int:
        return int(self.folder.name)

    @property
    def path(self) -> Path:
        return self.folder / REQUEST

    def key(self, passphrase: str | None, option: str) -> PrivateKey:
        """The private key, as that of a certificate."""
        return kept_key(self.folder, self.request, passphrase, option)


def kept_key(
    folder: Path, holder: x509.Certificate | x509.CertificateSigningRequest, passphrase: str | None, option: str
) -> PrivateKey:
    path = folder / KEY
    if not path.exists():
        missing = os.strerror(errno.ENOENT)
        raise KeyAwayError(
            f"{path} cannot be read: {missing}. Put the key there for this run where it is kept elsewhere; where "
            "it is lost, restore the authority's folder from a backup."
        )
    key = decode_key(read_private(path), passphrase, option, str(path))
    if key.public_key() != holder.public_key():
        beside = "certificate" if isinstance(holder, x509.Certificate) else "request"
        raise PkiError(f"{path} does not fit the {beside} beside it. Restore the authority's folder from a backup.")
    return key
