# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generations: immutable folders ``v<N>`` with the key, chain and staple of a leaf, complete before they are renamed.

A server reopens its files by path when it reloads. Files that are replaced one by one can meet it half-replaced; a
folder that is complete before anything names it cannot.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import CERTIFICATE, PRIVATE_FILES, STAPLE
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import from_pem

_GENERATION = re.compile(r"v([1-9][0-9]{0,8})")
_UNSTAPLED = "-unstapled"


class Fingerprints(NamedTuple):
    """What a server shows of a generation: SHA-256 in hex of the leaf's DER and of the staple ("" for none)."""

    leaf: str
    staple: str


def generation_number(folder_name: str) -> int:
    """The number of a generation's folder, 0 for any other name."""
    match = _GENERATION.fullmatch(folder_name)
    return int(match.group(1)) if match else 0


def generation_numbers(folder: int) -> list[int]:
    """The numbers of all the generations in a leaf's ``folder``, ascending."""
    return sorted(number for number in map(generation_number, os.listdir(folder)) if number)


def unstapled_name(number: int) -> str:
    """What the folder is called in which generation ``number`` is without its staple, once that was withdrawn."""
    return f"v{number}{_UNSTAPLED}"


def unstapled_number(folder_name: str) -> int:
    """The number of the generation of which this is the folder without a staple, 0 for any other name."""
    return generation_number(folder_name[: -len(_UNSTAPLED)]) if folder_name.endswith(_UNSTAPLED) else 0


def fingerprints(files: Mapping[str, bytes]) -> Fingerprints:
    """The fingerprints of a generation's content. Raises ValueError where cert.pem is no certificate."""
    leaf = from_pem(files[CERTIFICATE].decode("ascii"))
    staple = files.get(STAPLE, b"")
    return Fingerprints(sha256(leaf), sha256(staple) if staple else "")


def sha256(content: bytes) -> str:
    """The SHA-256 of ``content`` in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def attributes_of(file_name: str, destination: Destination) -> Attributes:
    """The mode and owner that a generation's file has to have."""
    return destination.private if file_name in PRIVATE_FILES else destination.public
