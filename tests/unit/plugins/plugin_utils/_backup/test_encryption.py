# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The encrypted file of a backup: only its passphrase opens it, and nothing of it can be changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup.encryption import MAGIC, decrypt, encrypt
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

pytestmark = pytest.mark.usefixtures("remembered_keys")

PASSPHRASE = "correct horse battery"
CHUNK = 65536
CONTENT = bytes(range(256)) * 520  # three chunks


@pytest.fixture(scope="module")
def file(now: datetime) -> bytes:
    return encrypt(CONTENT, PASSPHRASE, now)


def header_of(file: bytes) -> tuple[int, dict[str, object]]:
    """Where the chunks begin, and the header."""
    start = len(MAGIC) + 4
    end = start + int.from_bytes(file[len(MAGIC) : start], "big")
    return end, json.loads(file[start:end])


def with_header(file: bytes, **fields: object) -> bytes:
    end, header = header_of(file)
    encoded = json.dumps({**header, **fields}).encode()
    return MAGIC + len(encoded).to_bytes(4, "big") + encoded + file[end:]


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_what_was_encrypted_is_decrypted(now: datetime, size: int) -> None:
    header, content = decrypt(encrypt(CONTENT[:size], PASSPHRASE, now), PASSPHRASE, "b")
    assert (content, header.created_at, header.size) == (CONTENT[:size], now, size)


def test_no_two_files_have_a_key_in_common(file: bytes, now: datetime) -> None:
    other = encrypt(CONTENT, PASSPHRASE, now)
    assert header_of(other)[1]["salt"] != header_of(file)[1]["salt"]
    assert CONTENT[:64] not in file


def test_it_can_be_read_as_it_is_documented(file: bytes) -> None:
    end, header = header_of(file)
    salt = bytes.fromhex(str(header["salt"]))
    key = Scrypt(salt=salt, length=32, n=header["n"], r=header["r"], p=header["p"]).derive(PASSPHRASE.encode())
    content, rest, number = b"", file[end:], 0
    while rest:
        chunk, rest = rest[: CHUNK + 16], rest[CHUNK + 16 :]
        nonce = number.to_bytes(11, "big") + bytes([not rest])
        content += AESGCM(key).decrypt(nonce, chunk, file[:end])
        number += 1
    assert (content, number) == (CONTENT, 3)


def test_another_passphrase_is_refused_and_not_told(file: bytes) -> None:
    with pytest.raises(PkiError, match="backup_passphrase: is not that of b") as raised:
        decrypt(file, "another horse battery", "b")
    assert "another horse" not in str(raised.value)


def swapped(file: bytes) -> bytes:
    start, size = header_of(file)[0], CHUNK + 16
    first, second = file[start : start + size], file[start + size : start + 2 * size]
    return file[:start] + second + first + file[start + 2 * size :]


CHANGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "nothing": (lambda file: b"", "is no backup"),
    "another file": (lambda file: b"-----BEGIN CERTIFICATE-----", "is no backup"),
    "cut off in its name": (lambda file: file[:10], "is no backup"),
    "cut off before its header": (lambda file: file[: len(MAGIC) + 2], "is cut off, or is damaged"),
    "cut off in its header": (lambda file: file[: len(MAGIC) + 40], "is cut off, or is damaged"),
    "a header without end": (lambda file: MAGIC + b"\xff\xff\xff\xff" + file, "is cut off, or is damaged"),
    "cut off": (lambda file: file[:-1], "is cut off"),
    "cut off after a chunk": (lambda file: file[: -(len(CONTENT) % CHUNK) - 16], "is cut off"),
    "longer": (lambda file: file + b"x", "has something behind it"),
    "the first chunk": (lambda file: changed(file, header_of(file)[0]), "the beginning of the file was changed"),
    "the last chunk": (lambda file: changed(file, len(file) - 1), "was changed, or is damaged"),
    "chunks in another order": (swapped, "the beginning of the file was changed"),
    "the date": (lambda file: with_header(file, created=1), "the beginning of the file was changed"),
    "less work": (lambda file: with_header(file, n=2), "damaged, or was made by a newer release"),
    "all memory": (lambda file: with_header(file, n=2**40), "damaged, or was made by a newer release"),
    "a newer version": (lambda file: with_header(file, version=2), "damaged, or was made by a newer release"),
    "another cipher": (lambda file: with_header(file, cipher="none"), "damaged, or was made by a newer release"),
    "more fields": (lambda file: with_header(file, more=1), "damaged, or was made by a newer release"),
    "a short salt": (lambda file: with_header(file, salt="00"), "damaged, or was made by a newer release"),
    "a size of text": (lambda file: with_header(file, size="1"), "damaged, or was made by a newer release"),
    "no size": (lambda file: with_header(file, size=0), "damaged, or was made by a newer release"),
    "truth as a size": (lambda file: with_header(file, size=True), "damaged, or was made by a newer release"),
    "a date far away": (lambda file: with_header(file, created=10**30), "damaged, or was made by a newer release"),
}


def changed(file: bytes, index: int) -> bytes:
    return file[:index] + bytes([file[index] ^ 1]) + file[index + 1 :]


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_is_not_as_it_was_made_is_refused(file: bytes, change: str) -> None:
    harm, reason = CHANGES[change]
    with pytest.raises(PkiError, match=reason):
        decrypt(harm(file), PASSPHRASE, "b")
