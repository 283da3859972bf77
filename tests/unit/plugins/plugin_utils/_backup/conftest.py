# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of backups for less work than these take, which is half a second for each."""

from __future__ import annotations

import functools

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._backup import encryption
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

LITTLE = 2  # the least that there can be


@functools.cache
def derived(salt: bytes, length: int, n: int, r: int, p: int, passphrase: bytes) -> bytes:
    return Scrypt(salt=salt, length=length, n=n, r=r, p=p).derive(passphrase)


class RememberedScrypt:
    """The real keys. Each is derived once, however often a file is opened."""

    def __init__(self, salt: bytes, length: int, n: int, r: int, p: int) -> None:
        self.given = (salt, length, n, r, p)

    def derive(self, passphrase: bytes) -> bytes:
        return derived(*self.given, passphrase)


class QuickScrypt(RememberedScrypt):
    """Keys of as many salts and passphrases, by next to no work, whatever is asked for."""

    def __init__(self, salt: bytes, length: int, n: int, r: int, p: int) -> None:
        super().__init__(salt, length, LITTLE, r, p)


@pytest.fixture
def remembered_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "Scrypt", RememberedScrypt)


@pytest.fixture
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "Scrypt", QuickScrypt)
