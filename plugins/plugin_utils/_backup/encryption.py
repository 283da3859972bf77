# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The encrypted file of a backup, version 1, as docs/backup.md describes it.

A line with its name, the length of the header in four bytes, the header in JSON, and the content in chunks. The key
comes from a passphrase by scrypt (RFC 7914) and a salt of its own, so that no other file has it. Each chunk is
encrypted by AES-256-GCM; its nonce is its number and whether it is the last one, as in STREAM (Hoang et al., 2015),
and all that is before the chunks is authenticated with each of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import AESGCM, InvalidTag, Scrypt
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

MAGIC = b"anchorage.pki backup\n"
VERSION = 1
_LENGTH = 4
_LARGEST_HEADER = 4096
_CHUNK = 64 * 1024
_TAG = 16
# As OWASP's cheat sheet on the storage of passwords has it: 128 MiB of memory, half a second.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**17, 8, 1
_SALT = 16
_KEY = 32


@dataclass(frozen=True)
class Header:
    """What is readable of a backup without its passphrase, and cannot be changed without it. ``created`` is in seconds
    since 1970-01-01 UTC, ``size`` that of the content in bytes, ``salt`` in hexadecimal."""

    version: int
    created: int
    size: int
    salt: str
    kdf: str = "scrypt"
    n: int = _SCRYPT_N
    r: int = _SCRYPT_R
    p: int = _SCRYPT_P
    cipher: str = "aes-256-gcm"
    chunk: int = _CHUNK

    @property
    def created_at(self) -> datetime:
        return datetime.fromtimestamp(self.created, timezone.utc)


def encrypt(content: bytes, passphrase: str, now: datetime) -> bytes:
    """The file of a backup with that content."""
    header = Header(VERSION, int(now.timestamp()), len(content), os.urandom(_SALT).hex())
    encoded = json.dumps(asdict(header)).encode()
    front = MAGIC + len(encoded).to_bytes(_LENGTH, "big") + encoded
    cipher = _cipher(header, passphrase)
    chunks = (cipher.encrypt(nonce, content[start:end], front) for nonce, start, end in _chunks(len(content)))
    return b"".join([front, *chunks])


def decrypt(file: bytes, passphrase: str, path: str) -> tuple[Header, bytes]:
    """The header and the content of the file of a backup, which is at ``path``. Raises PkiError."""
    header, front = _read_header(file, path)
    body = memoryview(file)[len(front) :]
    spans = list(_chunks(header.size))
    wanted = header.size + _TAG * len(spans)
    if len(body) != wanted:
        state = (
            f"is cut off: {len(body)} of {wanted} bytes are left" if len(body) < wanted else "has something behind it"
        )
        raise PkiError(f"{path}: the backup {state}. Take another copy of it.")
    cipher, content = _cipher(header, passphrase), []
    for number, (nonce, start, end) in enumerate(spans):
        at = start + _TAG * number
        try:
            content.append(cipher.decrypt(nonce, bytes(body[at : at + end - start + _TAG]), front))
        except InvalidTag as error:
            if number == 0:
                raise PkiError(
                    f"backup_passphrase: is not that of {path}, or the beginning of the file was changed."
                ) from error
            raise PkiError(f"{path}: the backup was changed, or is damaged. Take another copy of it.") from error
    return header, b"".join(content)


def _read_header(file: bytes, path: str) -> tuple[Header, bytes]:
    """The header, and all that is before the chunks."""
    start = len(MAGIC) + _LENGTH
    if not file.startswith(MAGIC):
        raise PkiError(f"{path}: is no backup of an authority.")
    length = int.from_bytes(file[len(MAGIC) : start], "big")
    front = file[: start + length]
    if len(file) < start or length > _LARGEST_HEADER or len(front) < start + length:
        raise PkiError(f"{path}: the backup is cut off, or is damaged. Take another copy of it.")
    header = _decoded(front[start:])
    if header is None:
        raise PkiError(
            f"{path}: the backup is damaged, or was made by a newer release of anchorage.pki (this one reads version "
            f"{VERSION})."
        )
    return header, front


def _decoded(encoded: bytes) -> Header | None:
    """The header of a backup of this version, whose parameters are no others, so that no file has the controller use
    all of its memory; None for anything else."""
    try:
        read = json.loads(encoded)
        header = Header(VERSION, read["created"], read["size"], read["salt"])
        usable = header.created_at.year > 0 and header.size > 0 and len(bytes.fromhex(header.salt)) == _SALT
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError, OSError):
        return None
    whole = isinstance(header.size, int) and not isinstance(header.size, bool)
    return header if usable and whole and asdict(header) == read else None


def _cipher(header: Header, passphrase: str) -> AESGCM:
    scrypt = Scrypt(salt=bytes.fromhex(header.salt), length=_KEY, n=header.n, r=header.r, p=header.p)
    return AESGCM(scrypt.derive(passphrase.encode()))


def _chunks(size: int) -> Iterator[tuple[bytes, int, int]]:
    """The nonce of each chunk, and where the chunk begins and ends in the content."""
    for number, start in enumerate(range(0, size, _CHUNK)):
        end = min(start + _CHUNK, size)
        yield number.to_bytes(11, "big") + bytes([end == size]), start, end
