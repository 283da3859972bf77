# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private keys on PKCS#11 tokens: made there, found there, and signing as those of ``cryptography`` do.

A key never leaves its token. ``cryptography`` signs certificates, lists and responses with any object that is one of
its kinds of key by name, and that can sign and tell its public key.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    InvalidSignature,
    ec,
    encode_dss_signature,
    rsa,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import KeyAwayError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.sessions import Session, Tokens, open_session, told
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.uris import KeyUri
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType, PrivateKey, PublicKey

#: The curves that are used, with their object identifiers in DER, as tokens want them.
CURVES = {KeyType.ECDSA_P256: "06082a8648ce3d030107", KeyType.ECDSA_P384: "06052b81040022"}
KEY_TYPES = (*CURVES, KeyType.RSA_3072, KeyType.RSA_4096)
RSA_EXPONENT = 65537
IDENTIFIER_LENGTH = 16


@dataclass(frozen=True)
class TokenKey:
    """A private key on a token. ``handle`` is what its session knows it by."""

    session: Session
    handle: Any
    uri: KeyUri
    public: Any

    def public_key(self) -> Any:
        return self.public

    def signed(self, data: bytes, mechanism: str) -> bytes:
        """What the token makes of ``data`` by a mechanism, a CKM_ name. Raises KeyAwayError."""
        library = self.session.library
        with told(library, self.uri):
            return bytes(self.session.handle.sign(self.handle, data, library.Mechanism(getattr(library, mechanism))))

    def other_key(self) -> PkiError:
        return PkiError(
            f"{self.uri.origin}: the key on {self.uri.in_words} is not that of the certificate. Correct the URI."
        )


class EllipticKey(TokenKey):
    """One of ECDSA."""

    @property
    def curve(self) -> Any:
        return self.public.curve

    @property
    def key_size(self) -> int:
        return int(self.public.key_size)

    def sign(self, data: bytes, signature_algorithm: Any) -> bytes:
        """Sign as EllipticCurvePrivateKey does. A signature that its own certificate does not verify is none."""
        digest = hashlib.new(signature_algorithm.algorithm.name, data).digest()
        numbers = self.signed(digest, "CKM_ECDSA")
        r, s = (int.from_bytes(half, "big") for half in (numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]))
        signature: bytes = encode_dss_signature(r, s)
        try:
            self.public.verify(signature, data, signature_algorithm)
        except InvalidSignature as error:
            raise self.other_key() from error
        return signature


class RsaKey(TokenKey):
    """One of RSA."""

    @property
    def key_size(self) -> int:
        return int(self.public.key_size)

    def sign(self, data: bytes, padding: Any, algorithm: Any) -> bytes:
        """Sign as RSAPrivateKey does, by PKCS #1 v1.5, as certificates are signed here."""
        signature = self.signed(data, f"CKM_{algorithm.name.upper()}_RSA_PKCS")
        try:
            self.public.verify(signature, data, padding, algorithm)
        except InvalidSignature as error:
            raise self.other_key() from error
        return signature


def check_token(uri: KeyUri, key_type: KeyType, tokens: Tokens, used: Sequence[PublicKey]) -> list[PublicKey]:
    """Raise PkiError now where :func:`new_key` would fail: nothing is made. The public key of the one that ``uri``
    names, if it does."""
    if uri.names_key:
        return [named_key(uri, key_type, tokens, used).public_key()]
    _check_type(uri, key_type)
    open_session(uri, tokens)
    return []


def new_key(uri: KeyUri, key_type: KeyType, label: str, tokens: Tokens, used: Sequence[PublicKey]) -> PrivateKey:
    """The key that ``uri`` names, or a new one on its token under that label. Raises PkiError, also where the named one
    is among those that are ``used`` already: each certificate of another name has a key of its own."""
    return named_key(uri, key_type, tokens, used) if uri.names_key else _make_key(uri, key_type, label, tokens)


def named_key(uri: KeyUri, key_type: KeyType, tokens: Tokens, used: Sequence[PublicKey]) -> PrivateKey:
    """A key that somebody made on a token, beside its public key. Raises PkiError."""
    _check_type(uri, key_type)
    session = open_session(uri, tokens)
    public = _public_key(session, _only(session, "CKO_PUBLIC_KEY", uri), uri, key_type)
    if public in used:
        raise PkiError(
            f"{uri.origin}: names the key of another certificate of the authority, and each has its own. Name another "
            "key, or the token alone, which then gets a new one."
        )
    return opened_key(uri, tokens, public)


def opened_key(uri: KeyUri, tokens: Tokens, public: PublicKey) -> PrivateKey:
    """The key that ``uri`` names, which is that of ``public``: what it signs is verified. Raises PkiError."""
    session = open_session(uri, tokens)
    return _key(session, _only(session, "CKO_PRIVATE_KEY", uri), uri, public)


def uri_of(key: PrivateKey) -> KeyUri | None:
    """Where a key is on a token, None for one that is on none."""
    return key.uri if isinstance(key, TokenKey) else None


def _make_key(uri: KeyUri, key_type: KeyType, label: str, tokens: Tokens) -> PrivateKey:
    _check_type(uri, key_type)
    session = open_session(uri, tokens)
    library = session.library
    made = replace(uri, object=label, id=secrets.token_hex(IDENTIFIER_LENGTH))
    named = [(library.CKA_LABEL, made.object), (library.CKA_ID, bytes.fromhex(made.id)), (library.CKA_TOKEN, True)]
    mechanism, kind = _making(library, key_type)
    public_template = [*named, *kind, (library.CKA_VERIFY, True)]
    secret = [(library.CKA_PRIVATE, True), (library.CKA_SENSITIVE, True), (library.CKA_EXTRACTABLE, False)]
    private_template = [*named, *secret, (library.CKA_SIGN, True)]
    with told(library, made):
        public, private = session.handle.generateKeyPair(
            public_template, private_template, mecha=library.Mechanism(mechanism)
        )
    return _key(session, private, made, _public_key(session, public, made, key_type))


def _making(library: Any, key_type: KeyType) -> tuple[int, list[tuple[int, Any]]]:
    """The mechanism by which a token makes a key of that type, and what it is told of it."""
    if key_type in CURVES:
        return library.CKM_EC_KEY_PAIR_GEN, [(library.CKA_EC_PARAMS, bytes.fromhex(CURVES[key_type]))]
    bits, exponent = int(key_type.value.removeprefix("rsa-")), RSA_EXPONENT.to_bytes(3, "big")
    return library.CKM_RSA_PKCS_KEY_PAIR_GEN, [
        (library.CKA_MODULUS_BITS, bits),
        (library.CKA_PUBLIC_EXPONENT, exponent),
    ]


def _key(session: Session, handle: Any, uri: KeyUri, public: Any) -> PrivateKey:
    kind = RsaKey if isinstance(public, rsa.RSAPublicKey) else EllipticKey
    # Known to cryptography as its own kinds of key are, and not before there is one.
    ec.EllipticCurvePrivateKey.register(EllipticKey)
    rsa.RSAPrivateKey.register(RsaKey)
    return cast("PrivateKey", kind(session, handle, uri, public))


def _only(session: Session, kind: str, uri: KeyUri) -> Any:
    found = session.find(kind, uri)
    if len(found) == 1:
        return found[0]
    what = {"CKO_PUBLIC_KEY": "public", "CKO_PRIVATE_KEY": "private"}[kind]
    named = " and ".join(filter(None, (uri.object and f"the label {uri.object!r}", uri.id and f"the id {uri.id}")))
    raise KeyAwayError(
        f"{uri.origin}: {uri.in_words} has {len(found) or 'no'} {what} key{'s' if found else ''} with {named}. "
        f"{'Give its id, too.' if found else 'Correct the URI, or the token.'}"
    )


def _public_key(session: Session, handle: Any, uri: KeyUri, key_type: KeyType) -> Any:
    """The public key of an object. Raises PkiError where it is not of the wanted type."""
    library = session.library
    names = ("CKA_EC_PARAMS", "CKA_EC_POINT") if key_type in CURVES else ("CKA_MODULUS", "CKA_PUBLIC_EXPONENT")
    with told(library, uri):
        (kind,) = session.handle.getAttributeValue(handle, [library.CKA_KEY_TYPE])
        is_kind = kind == (library.CKK_EC if key_type in CURVES else library.CKK_RSA)
        values = session.handle.getAttributeValue(handle, [getattr(library, name) for name in names]) if is_kind else []
    octets = [bytes(value) for value in values]
    if key_type in CURVES and octets and octets[0].hex() == CURVES[key_type]:
        curve = ec.SECP256R1() if key_type is KeyType.ECDSA_P256 else ec.SECP384R1()
        # Some tokens wrap the point into an OCTET STRING, as the standard has it, and some do not.
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, octets[1][-(1 + 2 * (curve.key_size // 8)) :])
    if key_type not in CURVES and octets:
        modulus, exponent = (int.from_bytes(value, "big") for value in octets)
        if f"rsa-{modulus.bit_length()}" == key_type.value:
            return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    raise PkiError(f"{uri.origin}: the key on {uri.in_words} is not of the type {key_type.value}, the option key_type.")


def _check_type(uri: KeyUri, key_type: KeyType) -> None:
    if key_type not in KEY_TYPES:
        raise PkiError(
            f"{uri.origin}: on a token, the option key_type is one of "
            f"{', '.join(each.value for each in KEY_TYPES)}, not {key_type.value}."
        )
