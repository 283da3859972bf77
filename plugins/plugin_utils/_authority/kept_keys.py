# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The private keys of an authority: each in a file beside what was made for its public half, or on a PKCS#11 token,
which a file there names."""

from __future__ import annotations

import errno
import functools
import os
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import KeyAwayError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import read_private
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.keys import opened_key, uri_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.sessions import NO_TOKENS, Tokens
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.uris import KeyUri, parse_uri
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import PrivateKey, decode_key, encode_key

KEY = "key.pem"
KEY_URI = "key.uri"
REQUEST = "request.pem"


@dataclass(frozen=True)
class Passphrases:
    """What opens an authority's keys: passphrases, None where a key is stored unencrypted, and what a run was told of
    tokens."""

    authority: str | None = None
    responder: str | None = None
    tokens: Tokens = NO_TOKENS


@dataclass(frozen=True)
class IssuingRequest:
    """The request for an issuing certificate that another authority is to sign, with the key beside it."""

    folder: Path
    request: x509.CertificateSigningRequest

    @property
    def number(self) -> int:
        return int(self.folder.name)

    @property
    def path(self) -> Path:
        return self.folder / REQUEST

    @functools.cached_property
    def key_uri(self) -> KeyUri | None:
        """Where the private key is, as that of a certificate."""
        return kept_uri(self.folder)

    def key(self, passphrase: str | None, option: str, tokens: Tokens = NO_TOKENS) -> PrivateKey:
        """The private key, as that of a certificate."""
        return kept_key(self.folder, self.request, passphrase, option, tokens)


def kept_uri(folder: Path) -> KeyUri | None:
    """Where the key of a folder is on a token; None for one in a file. Raises PkiError."""
    path = folder / KEY_URI
    return parse_uri(read_private(path).decode(errors="replace").strip(), str(path)) if path.exists() else None


def key_file(key: PrivateKey, passphrase: str | None) -> dict[str, bytes]:
    """The file by which a key is kept, with its name: the key itself, or where it is on a token."""
    uri = uri_of(key)
    return {KEY: encode_key(key, passphrase)} if uri is None else {KEY_URI: f"{uri}\n".encode()}


def kept_key(
    folder: Path,
    holder: x509.Certificate | x509.CertificateSigningRequest,
    passphrase: str | None,
    option: str,
    tokens: Tokens,
) -> PrivateKey:
    """The key of a folder, which is that of ``holder``. Raises PkiError as :meth:`CertifiedKey.key` does."""
    uri = kept_uri(folder)
    if uri is not None:
        return opened_key(uri, tokens, holder.public_key())  # type: ignore[arg-type]
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
