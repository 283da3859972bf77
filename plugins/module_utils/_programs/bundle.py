# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stays on a host for the time when no controller is at work: one file with the programs of this folder.

It is a zip file that Python runs (https://docs.python.org/3/library/zipapp.html), of the sources that this very call
runs by, stored as they are, so that whoever audits a host can read them. Before it comes a line that names the host's
Python: all that follows is the same on all hosts, so that a look, which has none of this, compares its digest with the
controller's.
"""

from __future__ import annotations

import hashlib
import os
import struct
from binascii import crc32
from collections.abc import Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import NAME, first_line

PACKAGE = "ansible_collections.anchorage.pki.plugins.module_utils"
# The programs, and all that they import: a test holds it to that.
MODULES = (
    "_host.children",
    "_host.commands",
    "_host.declarations",
    "_host.errors",
    "_host.lock",
    "_host.moments",
    "_host.programs",
    "_host.refusals",
    "_host.regular_files",
    "_host.safe_changes",
    "_host.safe_files",
    "_host.system_links",
    "_leaf.apache",
    "_leaf.controls",
    "_leaf.destination",
    "_leaf.files",
    "_leaf.generations",
    "_leaf.journal",
    "_leaf.journal_changes",
    "_leaf.names",
    "_leaf.pointer_changes",
    "_leaf.pointers",
    "_leaf.servers",
    "_leaf.staple_servers",
    "_leaf.withdrawn",
    "_leaf.withdrawn_changes",
    "_leaf.withdrawn_drift",
    "_programs.bundle",
    "_programs.installation",
    "_programs.installation_changes",
    "_programs.respond",
    "_programs.withdraw",
    "_programs.withdrawal.commands",
    "_programs.withdrawal.leaf",
    "_programs.withdrawal.recipes",
    "_programs.withdrawal.service",
    "_programs.withdrawal.standing",
    "_programs.withdrawal.timer",
    "_programs.withdrawal.units",
    "_x509.certificate_file",
    "_x509.der",
    "_x509.pem_block",
    "_x509.pem_search",
    "_x509.staple",
)

_MODULE_UTILS = os.path.dirname(os.path.dirname(__file__))
_MAIN = f"""\
# Written by Ansible (anchorage.pki). Usage: {NAME} PROGRAM
import importlib
import sys

sys.exit(importlib.import_module(f"{PACKAGE}._programs.{{sys.argv[1]}}").main())
"""
# How PKWARE's APPNOTE.TXT describes a file: version 2.0, no flags, stored, and of 1980-01-01 00:00, the first moment
# that a zip file can hold, so that the same sources make the same bytes.
_STORED = struct.pack("<HHHHH", 20, 0, 0, 0, 1 << 5 | 1)


def bundle(modules: tuple[str, ...] = MODULES) -> bytes:
    """The content of the file. Raises HostError where the sources cannot be had."""
    return first_line() + archive(modules)


def archive_sha256() -> str:
    """The digest of what follows the first line. Raises HostError where the sources cannot be had."""
    return hashlib.sha256(archive(MODULES)).hexdigest()


def archive(modules: tuple[str, ...]) -> bytes:
    """The zip file. Raises HostError where the sources cannot be had."""
    files = {"__main__.py": _MAIN.encode()}
    for name in modules:
        parts = f"{PACKAGE}.{name}".split(".")
        files.update({"/".join([*parts[:depth], "__init__.py"]): b"" for depth in range(1, len(parts))})
        files["/".join(parts) + ".py"] = _source(name)
    return _zip_file(files)


def _zip_file(files: Mapping[str, bytes]) -> bytes:
    """Written without ``zipfile``, which takes long to import and to write."""
    content, directory, position = [], [], 0
    for path, source in sorted(files.items()):
        name = path.encode("ascii")
        described = _STORED + struct.pack("<IIIHH", crc32(source), len(source), len(source), len(name), 0)
        directory.append(b"PK\1\2\x14\3" + described + struct.pack("<HHHII", 0, 0, 0, 0o600 << 16, position) + name)
        content += [b"PK\3\4", described, name, source]
        position += 4 + len(described) + len(name) + len(source)
    entries = b"".join(directory)
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(entries), position, 0)
    return b"".join([*content, entries, b"PK\5\6", end])


def _source(name: str) -> bytes:
    """The source of a module, which is not imported for that. Raises HostError."""
    path = os.path.join(_MODULE_UTILS, *name.split(".")) + ".py"
    try:
        # What loads this module reads files from the same place: a folder, or Ansible's zip file.
        return bytes(__spec__.loader.get_data(path))  # type: ignore[union-attr]
    except OSError as error:
        raise HostError(f"the source {path} cannot be read") from error
