# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private keys, their passphrases, and messages that give neither away."""

from __future__ import annotations

import traceback

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import (
    KEY_TYPES,
    SHORTEST_PASSPHRASE,
    KeyType,
    PrivateKey,
    check_passphrase,
    decode_key,
    encode_key,
    generate_key,
    key_type_of,
    signature_hash,
)
from ansible_collections.anchorage.pki.tests.unit.post_quantum import is_possible
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa

PASSPHRASE = "correct horse battery"
PATH = "/authority/root/1/key.pem"


@pytest.mark.parametrize("key_type", [kind for kind in KeyType if kind is not KeyType.RSA_4096 and is_possible(kind)])
def test_a_key_has_the_type_that_was_asked_for_and_survives_its_encoding(key_type: KeyType) -> None:
    key = generate_key(key_type)
    assert key_type_of(key.public_key()) is key_type
    for passphrase in (None, PASSPHRASE):
        decoded = decode_key(encode_key(key, passphrase), passphrase, "passphrase", PATH)
        assert encode_key(decoded) == encode_key(key)


def test_an_rsa_key_of_4096_bits_is_that_long() -> None:
    key = generate_key(KeyType.RSA_4096)
    assert key_type_of(key.public_key()) is KeyType.RSA_4096
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.public_key().public_numbers().e == 65537


def test_the_key_types_are_those_of_the_option() -> None:
    classic = ["ecdsa-p256", "ecdsa-p384", "rsa-3072", "rsa-4096", "ed25519"]
    assert [*classic, "ml-dsa-44", "ml-dsa-65", "ml-dsa-87"] == KEY_TYPES


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP521R1()),
        lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505 (that is what is refused)
        ed448.Ed448PrivateKey.generate,
        lambda: dsa.generate_private_key(2048),
    ],
)
def test_a_key_of_another_kind_has_no_type_and_is_not_used(make) -> None:
    key = make()
    assert key_type_of(key.public_key()) is None
    with pytest.raises(PkiError, match="of a kind that this collection does not use"):
        decode_key(encode_key(key), None, "passphrase", PATH)


def test_rsa_of_another_size_is_used_as_a_root_that_was_imported_may_have_it() -> None:
    key = rsa.generate_private_key(65537, 2048)
    assert key_type_of(key.public_key()) is None
    assert decode_key(encode_key(key), None, "passphrase", PATH).public_key() == key.public_key()


def test_a_stored_key_is_encrypted_where_there_is_a_passphrase(leaf_key: PrivateKey) -> None:
    assert encode_key(leaf_key).startswith(b"-----BEGIN PRIVATE KEY-----")
    assert encode_key(leaf_key, PASSPHRASE).startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")


@pytest.mark.parametrize(
    ("key_type", "digest"),
    [(KeyType.ECDSA_P256, hashes.SHA256), (KeyType.ECDSA_P384, hashes.SHA384), (KeyType.RSA_3072, hashes.SHA256)],
)
def test_the_digest_matches_the_strength_of_the_key(key_type: KeyType, digest: type) -> None:
    assert isinstance(signature_hash(generate_key(key_type)), digest)


def test_ed25519_has_a_digest_of_its_own() -> None:
    assert signature_hash(generate_key(KeyType.ED25519)) is None


def test_a_short_passphrase_is_refused_in_the_words_of_its_option() -> None:
    check_passphrase(None, "passphrase")
    check_passphrase("x" * SHORTEST_PASSPHRASE, "passphrase")
    for short in ("", "x" * (SHORTEST_PASSPHRASE - 1)):
        with pytest.raises(PkiError, match=r"^responder_passphrase: give at least 16 characters"):
            check_passphrase(short, "responder_passphrase")


@pytest.mark.parametrize(("letter", "most"), [("x", 1023), ("ø", 511)])
def test_a_passphrase_that_openssl_does_not_take_is_refused(leaf_key: PrivateKey, letter: str, most: int) -> None:
    check_passphrase(letter * most, "passphrase")
    assert decode_key(encode_key(leaf_key, letter * most), letter * most, "passphrase", PATH)
    with pytest.raises(PkiError, match=r"^passphrase: give at most 1023 bytes"):
        check_passphrase(letter * (most + 1), "passphrase")


@pytest.mark.parametrize(
    ("stored_with", "given", "words"),
    [
        (PASSPHRASE, None, f"passphrase: the private key {PATH} is encrypted; give its passphrase"),
        (PASSPHRASE, "", f"passphrase: the private key {PATH} is encrypted; give its passphrase"),
        (PASSPHRASE, "the wrong passphrase", f"passphrase: this is not the passphrase of the private key {PATH}"),
        (None, PASSPHRASE, f"passphrase: the private key {PATH} is not encrypted. Leave the option out"),
        (None, "", f"passphrase: the private key {PATH} is not encrypted. Leave the option out"),
    ],
)
def test_a_passphrase_that_does_not_fit_is_reported_separately(
    leaf_key: PrivateKey, stored_with: str | None, given: str | None, words: str
) -> None:
    with pytest.raises(PkiError) as caught:
        decode_key(encode_key(leaf_key, stored_with), given, "passphrase", PATH)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"not PEM", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]
)
def test_a_damaged_key_file_is_named(data: bytes) -> None:
    with pytest.raises(PkiError, match=f"The private key {PATH} is damaged. Restore") as caught:
        decode_key(data, None, "passphrase", PATH)
    assert caught.value.__cause__ is not None


def test_no_error_gives_a_passphrase_or_a_key_away(leaf_key: PrivateKey) -> None:
    plain, wrong = encode_key(leaf_key), "another secret passphrase"
    encrypted = encode_key(leaf_key, PASSPHRASE)
    attempts = [(encrypted, wrong), (encrypted, None), (plain, wrong), (encrypted[:-60], wrong), (plain[:-60], None)]
    secrets = [wrong, PASSPHRASE, *encrypted.decode().splitlines()[1:-1], *plain.decode().splitlines()[1:-1]]
    for data, given in attempts:
        with pytest.raises(PkiError) as caught:
            decode_key(data, given, "passphrase", PATH)
        told = "".join(traceback.format_exception(caught.value, chain=True)) + repr(caught.value.__cause__)
        assert not [secret for secret in secrets if secret in told]


def test_a_key_is_stored_as_pkcs8(leaf_key: PrivateKey) -> None:
    loaded = serialization.load_pem_private_key(encode_key(leaf_key, PASSPHRASE), PASSPHRASE.encode())
    assert loaded.public_key() == leaf_key.public_key()
