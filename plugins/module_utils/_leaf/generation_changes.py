# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Generations made and removed: composed, staged, published by one rename, and pruned once nothing needs them."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import (
    create_file,
    make_folder,
    remove,
    sync,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_subfolder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import (
    CERTIFICATE,
    CHAIN,
    COMBINED,
    COMBINED_STAPLE,
    FULL_CHAIN,
    PKCS12,
    PRIVATE_KEY,
    STAPLE,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import (
    attributes_of,
    generation_number,
    generation_numbers,
    unstapled_number,
)

STAGING = ".staging"
# The deployed one, and the former one, which a server may be reading at this moment.
KEPT_GENERATIONS = 2


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


def stage_files(folder: int, destination: Destination, files: Mapping[str, bytes]) -> None:
    """Write a generation's files into the leaf's staging folder, in place of leftovers there. Raises OSError."""
    remove(folder, STAGING)
    make_folder(folder, STAGING)
    with opened_subfolder(folder, STAGING) as staging:
        for name, content in files.items():
            if name != COMBINED_STAPLE:
                create_file(staging, name, content, attributes_of(name, destination))
        if COMBINED_STAPLE in files:
            os.link(STAPLE, COMBINED_STAPLE, src_dir_fd=staging, dst_dir_fd=staging)
        sync(staging)


def add_staged_file(folder: int, destination: Destination, name: str, content: bytes) -> None:
    """Write one more file into the staging folder. Raises OSError."""
    with opened_subfolder(folder, STAGING) as staging:
        create_file(staging, name, content, attributes_of(name, destination))
        sync(staging)


def publish(folder: int, number: int) -> None:
    """Turn the staging folder into generation ``number``, which nothing names yet. Raises OSError."""
    os.rename(STAGING, f"v{number}", src_dir_fd=folder, dst_dir_fd=folder)
    sync(folder)


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
