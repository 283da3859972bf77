# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a deployed generation is undamaged, and what of it a repair would fix.

No list of checksums is kept: the files of a generation repeat each other (fullchain.pem is cert.pem and chain.pem;
combined.pem is all three), the key has to fit the leaf, and the controller knows which leaf and staple it deployed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host import safe_files
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.selinux import type_of
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import (
    CERTIFICATE,
    CHAIN,
    COMBINED,
    COMBINED_STAPLE,
    FILES,
    FULL_CHAIN,
    PKCS12,
    PRIVATE_KEY,
    STAPLE,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import attributes_of, fingerprints
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import is_whole_der
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import from_pem
from ansible_collections.anchorage.pki.plugins.module_utils._x509.private_key import names_key_of

_REQUIRED = (PRIVATE_KEY, CERTIFICATE, CHAIN, FULL_CHAIN, COMBINED)
FOLDER_ATTRIBUTES = safe_files.Attributes(safe_files.FOLDER_MODE)


class GenerationHealth(NamedTuple):
    """A generation as it is. With ``damage`` it cannot be kept, and its files may be incomplete."""

    files: dict[str, bytes]
    damage: str
    drift: list[str]


def inspect_generation(folder: int, destination: Destination, name: str, number: int) -> GenerationHealth:
    """Read generation ``number`` of the leaf ``name`` and judge it. Raises OSError."""
    path = destination.generation(name, number)
    try:
        with safe_files.opened_subfolder(folder, f"v{number}") as generation:
            files = _checked_files(generation, destination, path)
            drift = _drift(folder, generation, destination, files)
            return GenerationHealth(files, "", drift)
    except HostError as error:
        return GenerationHealth({}, f"{path}: {error}", [])
    except (FileNotFoundError, NotADirectoryError):
        return GenerationHealth({}, f"{path} is missing or not a folder", [])


def _checked_files(generation: int, destination: Destination, path: str) -> dict[str, bytes]:
    """The generation's files. Raises HostError with what is wrong with them, OSError."""
    if destination.staples_only:  # imported here, for looks at leaves
        from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staple_health import checked_staple_files

        return checked_staple_files(generation)
    files = _read_files(generation)
    _check_content(files, path)
    return files


def _read_files(generation: int) -> dict[str, bytes]:
    contents = {file_name: safe_files.read_file(generation, file_name) for file_name in FILES}
    files = {file_name: content for file_name, content in contents.items() if content is not None}
    # One of the staple's two names is enough: they are links to one file.
    for file_name, twin in ((STAPLE, COMBINED_STAPLE), (COMBINED_STAPLE, STAPLE)):
        if file_name not in files and twin in files:
            files[file_name] = files[twin]
    return files


def _check_content(files: Mapping[str, bytes], path: str) -> None:
    """Raise HostError with what is wrong with them."""
    for file_name in _REQUIRED:
        if file_name not in files:
            raise HostError(f"{file_name} is missing")
    leaf, chain, key = files[CERTIFICATE], files[CHAIN], files[PRIVATE_KEY]
    try:
        fingerprints(files)
    except ValueError as error:
        raise HostError(f"{CERTIFICATE} is not a certificate") from error
    if files[FULL_CHAIN] != leaf + chain:
        raise HostError(f"{FULL_CHAIN} is not {CERTIFICATE} and {CHAIN}")
    if files[COMBINED] != leaf + chain + key:
        raise HostError(f"{COMBINED} is not {CERTIFICATE}, {CHAIN} and {PRIVATE_KEY}")
    if files.get(STAPLE) != files.get(COMBINED_STAPLE):
        raise HostError(f"{STAPLE} and {COMBINED_STAPLE} differ")
    for file_name in (STAPLE, PKCS12):
        if file_name in files and not is_whole_der(files[file_name]):
            raise HostError(f"{file_name} is truncated or not DER")
    if not names_key_of(key, from_pem(leaf.decode("ascii"))):
        # Here, as further down, for looks that do not need it.
        from ansible_collections.anchorage.pki.plugins.module_utils._leaf.key_check import check_key

        check_key(path)


def _drift(folder: int, generation: int, destination: Destination, files: Mapping[str, bytes]) -> list[str]:
    drift = []
    if not FOLDER_ATTRIBUTES.fit(os.fstat(generation)):
        drift.append("the folder's mode is not 0755")
    for file_name in files:
        try:
            status = os.stat(file_name, dir_fd=generation, follow_symlinks=False)
        except FileNotFoundError:  # one of the staple's two names, see below
            continue
        if not attributes_of(file_name, destination).fit(status):
            drift.append(
                f"{file_name} has mode {stat.S_IMODE(status.st_mode):04o}, user {status.st_uid}, group {status.st_gid}"
            )
    if COMBINED_STAPLE in files and not is_linked(generation):
        drift.append(f"{COMBINED_STAPLE} is not a hard link to {STAPLE}")
    if type_of(folder):
        from ansible_collections.anchorage.pki.plugins.module_utils._leaf.misplaced import misplaced_files

        drift += misplaced_files(folder, generation, files)
    return drift


def is_linked(generation: int) -> bool:
    """Whether both names of the staple are links to one file. Raises OSError."""
    try:
        twins = [os.stat(name, dir_fd=generation, follow_symlinks=False) for name in (STAPLE, COMBINED_STAPLE)]
    except FileNotFoundError:
        return False
    return os.path.samestat(*twins)
