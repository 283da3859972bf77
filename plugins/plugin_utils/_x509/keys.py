# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private keys: the kinds the collection makes, and their encrypted form on disk."""

from __future__ import annotations

import functools
import sys
from enum import Enum
from typing import Any, Union

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import (
    UnsupportedAlgorithm,
    ec,
    ed25519,
    hashes,
    installed_version,
    mldsa,
    rsa,
    serialization,
    x509,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import (
    KeyAwayError,
    PassphraseError,
    PkiError,
)

PrivateKey = Union[
    "ec.EllipticCurvePrivateKey",
    "rsa.RSAPrivateKey",
    "ed25519.Ed25519PrivateKey",
    "mldsa.MLDSA44PrivateKey",
    "mldsa.MLDSA65PrivateKey",
    "mldsa.MLDSA87PrivateKey",
]
PublicKey = Union[
    "ec.EllipticCurvePublicKey",
    "rsa.RSAPublicKey",
    "ed25519.Ed25519PublicKey",
    "mldsa.MLDSA44PublicKey",
    "mldsa.MLDSA65PublicKey",
    "mldsa.MLDSA87PublicKey",
]

# Debian's OpenSSL refuses a shorter one anywhere in a chain, at the security level that it has by default.
SHORTEST_RSA = 2048
# Go refuses a longer one anywhere in a chain. A smaller exponent makes signatures easier to forge, and with 1 they are
# none (NIST SP 800-56B, section 6.2).
LONGEST_RSA = 8192
SMALLEST_EXPONENT = 65537
# What browsers and OpenSSL take alike.
COMMON_CURVES = ("secp256r1", "secp384r1", "secp521r1")
# cryptography derives the key of an encrypted PKCS#8 file with 2,048 rounds of PBKDF2 only: length must make up for it.
SHORTEST_PASSPHRASE = 16
# OpenSSL reads no longer one, in bytes.
LONGEST_PASSPHRASE = 1023


# The algorithm of keys of ECDSA in DER, id-ecPublicKey, before a SEQUENCE in place of the curve's object identifier.
_WRITTEN_OUT = bytes.fromhex("06072a8648ce3d0201" + "30")
_RSASSA_PSS = "1.2.840.113549.1.1.10"


class KeyType(str, Enum):
    """Key types, in the words of the option ``key_type``."""

    ECDSA_P256 = "ecdsa-p256"
    ECDSA_P384 = "ecdsa-p384"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    ED25519 = "ed25519"
    ML_DSA_44 = "ml-dsa-44"
    ML_DSA_65 = "ml-dsa-65"
    ML_DSA_87 = "ml-dsa-87"

    @property
    def algorithm(self) -> str:
        """The kind of key, whatever its size; each of ML-DSA is a kind of its own."""
        return self.value if self in POST_QUANTUM else self.value.partition("-")[0]


#: ML-DSA (FIPS 204, in certificates RFC 9881), whose signatures no quantum computer can forge.
POST_QUANTUM = (KeyType.ML_DSA_44, KeyType.ML_DSA_65, KeyType.ML_DSA_87)
#: What no browser and no macOS takes from a server, or few do.
RARE = (KeyType.ED25519, *POST_QUANTUM)
KEY_TYPES = [key_type.value for key_type in KeyType]


def check_key_type(key_type: KeyType) -> None:
    """Raise PkiError where this controller's library cannot sign certificates with keys of ``key_type``."""
    if key_type in POST_QUANTUM and not _signs_with(key_type):
        raise PkiError(
            f"key_type: {key_type.value} needs a release of the Python package cryptography on the controller that "
            f"signs certificates with it, such as 50; {sys.executable} has {installed_version}. Upgrade it there, or "
            "use another key type."
        )


@functools.cache
def _signs_with(key_type: KeyType) -> bool:
    """Whether a request can be signed with a key of that type, as anything else is."""
    try:
        key: Any = generate_key(key_type)
        x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    except (AttributeError, TypeError, ValueError, UnsupportedAlgorithm):  # without it, or without it in certificates
        return False
    return True


def generate_key(key_type: KeyType) -> PrivateKey:
    """A new private key of ``key_type``."""
    if key_type in POST_QUANTUM:
        key: PrivateKey = _kind(key_type, "PrivateKey").generate()
        return key
    if key_type is KeyType.ECDSA_P256:
        return ec.generate_private_key(ec.SECP256R1())
    if key_type is KeyType.ECDSA_P384:
        return ec.generate_private_key(ec.SECP384R1())
    if key_type is KeyType.ED25519:
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, int(key_type.value.removeprefix("rsa-")))


def key_type_of(public_key: Any) -> KeyType | None:
    """The key type of a public key, or None where the collection would not make such a key."""
    if isinstance(public_key, ed25519.Ed25519PublicKey):
        return KeyType.ED25519
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return {"secp256r1": KeyType.ECDSA_P256, "secp384r1": KeyType.ECDSA_P384}.get(public_key.curve.name)
    if isinstance(public_key, rsa.RSAPublicKey):
        return {3072: KeyType.RSA_3072, 4096: KeyType.RSA_4096}.get(public_key.key_size)
    known = POST_QUANTUM if mldsa is not None else ()
    return next((each for each in known if isinstance(public_key, _kind(each, "PublicKey"))), None)


def weakness_of(public_key: Any) -> str:
    """Why many programs refuse a certificate with that key, as what it has; an empty string where they do not."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return f"an RSA key of {public_key.key_size} bits" if public_key.key_size < SHORTEST_RSA else ""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return "" if public_key.curve.name in COMMON_CURVES else f"a key on the curve {public_key.curve.name}"
    return "" if key_type_of(public_key) else "a key of a kind that is next to never used"


def unfit_for_leaf(public_key: Any) -> str:
    """Why a leaf must not have that key, which others made, as what it is; an empty string where it may."""
    if isinstance(public_key, rsa.RSAPublicKey):
        if public_key.key_size > LONGEST_RSA:
            return f"an RSA key of {public_key.key_size} bits"
        if public_key.public_numbers().e < SMALLEST_EXPONENT:
            return f"an RSA key with the public exponent {public_key.public_numbers().e}"
    return weakness_of(public_key)


def public_der(public_key: PublicKey) -> bytes:
    """The public key as certificates and requests have it (SubjectPublicKeyInfo)."""
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _kind(key_type: KeyType, part: str) -> Any:
    """The library's class of that name for ML-DSA, such as MLDSA65PublicKey."""
    return getattr(mldsa, f"MLDSA{key_type.value.removeprefix('ml-dsa-')}{part}")


def is_usable(public_key: Any) -> bool:
    """Whether an authority can have such a key: one that the collection makes, or RSA of another size, as a root that
    was imported may have."""
    if key_type_of(public_key) is not None:
        return True
    return isinstance(public_key, rsa.RSAPublicKey) and public_key.key_size >= SHORTEST_RSA


def has_explicit_parameters(certificate: x509.Certificate) -> bool:
    """Whether the curve of a certificate's key is written out in place of its name, which OpenSSL, GnuTLS and others
    refuse (RFC 5480, section 2.1.1)."""
    return _WRITTEN_OUT in certificate.tbs_certificate_bytes


def signs_by_pss_alone(certificate: x509.Certificate) -> bool:
    """Whether the key of a certificate is of RSA, and for RSASSA-PSS alone (RFC 4055, section 1.2)."""
    return certificate.public_key_algorithm_oid.dotted_string == _RSASSA_PSS


def signature_hash(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384 | None:
    """The digest that a signature of ``key`` is made over; None for Ed25519 and ML-DSA, which have their own (RFC 8032,
    RFC 9881)."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return hashes.SHA384() if key.curve.name == "secp384r1" else hashes.SHA256()
    return hashes.SHA256() if isinstance(key, rsa.RSAPrivateKey) else None


def check_passphrase(
    passphrase: str | None, option: str, way_out: str = ", or leave the option out to store the key unencrypted"
) -> None:
    """Raise PkiError where a new ``passphrase`` is too short or too long, with what to do else. None (no encryption) is
    accepted."""
    if passphrase is None:
        return
    if len(passphrase.encode()) > LONGEST_PASSPHRASE:
        raise PkiError(f"{option}: give at most {LONGEST_PASSPHRASE} bytes (a letter outside ASCII has two or more).")
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise PkiError(f"{option}: give at least {SHORTEST_PASSPHRASE} characters{way_out}.")


def encode_key(key: PrivateKey, passphrase: str | None = None) -> bytes:
    """PKCS#8 PEM (RFC 5958), encrypted where there is a ``passphrase``."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def decode_key(data: bytes, passphrase: str | None, option: str, path: str) -> PrivateKey:
    """The private key in the PEM file ``path`` with content ``data``.

    Raises PassphraseError that names the passphrase's ``option`` where it is needless or wrong, KeyAwayError where it
    is missing, or PkiError that names the file where that is damaged.
    """
    try:
        key: Any = serialization.load_pem_private_key(data, passphrase.encode() if passphrase is not None else None)
    except TypeError as error:  # the library raises it for both "a passphrase is needed" and "none is needed"
        if not passphrase and b"ENCRYPTED" in data:
            raise KeyAwayError(f"{option}: the private key {path} is encrypted; give its passphrase.") from error
        raise PassphraseError(
            f"{option}: the private key {path} is not encrypted. Leave the option out, or make a second authority in "
            "another folder with a passphrase."
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        if passphrase is not None and b"ENCRYPTED" in data:
            raise PassphraseError(f"{option}: this is not the passphrase of the private key {path}.") from error
        raise PkiError(f"The private key {path} is damaged. Restore the authority's folder from a backup.") from error
    if not is_usable(key.public_key()):
        raise PkiError(f"The private key {path} is of a kind that this collection does not use.")
    return key
