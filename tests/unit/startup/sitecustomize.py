# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python runs this when it starts in a test's run of ansible-playbook, in its modules too; forked workers inherit it.

Ansible sends a module as an archive of a hundred source files, which Python compiles anew at each start: here once in
a session. And where a test asks for it, the openings of one file are counted over all processes.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import zipimport
from contextlib import suppress
from types import CodeType
from typing import Any

COMPILED = "COMPILED_ARCHIVES"
WATCHED, WATCHED_LOG = "WATCHED", "WATCHED_LOG"


def compile_once(path: str, source: bytes) -> CodeType:
    """What zipimport makes of a source file, from the folder of what was compiled before."""
    version = f"{sys.version}{os.path.basename(path)}".encode()
    kept = os.path.join(os.environ[COMPILED], hashlib.sha256(version + source).hexdigest())
    with suppress(FileNotFoundError), open(kept, "rb") as file:
        return marshal.load(file)  # type: ignore[no-any-return]  # noqa: S302 written below
    code: CodeType = compile_source(path, source)
    written = f"{kept}.{os.getpid()}"
    with open(written, "wb") as file:
        marshal.dump(code, file)
    os.rename(written, kept)
    return code


def count_openings(watched: str, log: str) -> None:
    """Add a byte to the log for each opening of the watched file, from now on."""

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and arguments[0] == watched:
            descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
            os.write(descriptor, b".")
            os.close(descriptor)

    sys.addaudithook(count)


if COMPILED in os.environ:
    compile_source = zipimport._compile_source  # type: ignore[attr-defined]  # there is no public way
    zipimport._compile_source = compile_once  # type: ignore[attr-defined]
if WATCHED in os.environ:
    count_openings(os.environ[WATCHED], os.environ[WATCHED_LOG])
