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
import ssl
from collections.abc import Mapping
from typing import NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import (
    Attributes,
    create_file,
    make_folder,
    opened_subfolder,
    remove,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import (
    CERTIFICATE,
    CHAIN,
    COMBINED,
    COMBINED_STAPLE,
    FULL_CHAIN,
    PKCS12,
    PRIVATE_FILES,
    PRIVATE_KEY,
    STAPLE,
)
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import from_pem

STAGING = ".staging"
# The deployed one, and the former one, which a server may be reading at this moment.
KEPT_GENERATIONS = 2

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


def compose_files(certificate: str, chain: str, private_key: str, staple: bytes, pkcs12: bytes) -> dict[str, bytes]:
    """The content of a generation's files, from PEM, a staple and a PKCS#12 bundle (both empty for none)."""
    leaf, issuing, key = (_with_newline(text) for text in (certificate, chain, private_key))
    files = {
        PRIVATE_KEY: key,
        CERTIFICATE: leaf,
        CHAIN: issuing,
        FULL_CHAIN: leaf + issuing,
        COMBINED: leaf + issuing + key,
    }
    if staple:
        files[STAPLE] = files[COMBINED_STAPLE] = staple
    if pkcs12:
        files[PKCS12] = pkcs12
    return files


def _with_newline(pem: str) -> bytes:
    text = pem.strip()
    return f"{text}\n".encode() if text else b""


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


def stage_files(folder: int, destination: Destination, files: Mapping[str, bytes]) -> None:
    """Write a generation's files into the leaf's staging folder, in place of leftovers there. Raises OSError."""
    remove(folder, STAGING)
    make_folder(folder, STAGING)
    with opened_subfolder(folder, STAGING) as staging:
        for name, content in files.items():
            if name != COMBINED_STAPLE:
                create_file(staging, name, content, attributes_of(name, destination))
        if STAPLE in files:
            os.link(STAPLE, COMBINED_STAPLE, src_dir_fd=staging, dst_dir_fd=staging)
        os.fsync(staging)


def add_staged_file(folder: int, destination: Destination, name: str, content: bytes) -> None:
    """Write one more file into the staging folder. Raises OSError."""
    with opened_subfolder(folder, STAGING) as staging:
        create_file(staging, name, content, attributes_of(name, destination))
        os.fsync(staging)


def check_key(path: str) -> None:
    """Raise HostError unless the private key in the generation at ``path`` fits its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # The empty password keeps OpenSSL from asking for one at the terminal.
        context.load_cert_chain(os.path.join(path, COMBINED), password="")
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or "it cannot be read"
        raise HostError(f"the private key does not fit the certificate ({reason})") from error


def publish(folder: int, number: int) -> None:
    """Turn the staging folder into generation ``number``, which nothing names yet. Raises OSError."""
    os.rename(STAGING, f"v{number}", src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def prune(folder: int, deployed: int) -> None:
    """Remove the generations that neither a server nor a rollback needs any more.

    Raises OSError, the first one, after all of them were tried.
    """
    failures = []
    kept = {deployed, *generation_numbers(folder)[-KEPT_GENERATIONS:]}
    for name in sorted(os.listdir(folder)):
        number = generation_number(name) or unstapled_number(name)
        try:
            if number and number not in kept:
                remove(folder, name)
        except OSError as error:
            failures.append(error)
    if failures:
        raise failures[0]
