# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each run would make anew from the same files, it finds here after the first run of a session.

That is the compiled sources of the collection and of modules, which Ansible sends as archives of a hundred files; those
archives; the table of ansible-core's own plugins. And where a test asks for it, the openings of one file are counted
over all processes.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import marshal
import os
import sys
import tempfile
import zipimport
from collections.abc import Callable
from contextlib import suppress
from types import CodeType
from typing import Any

KEPT = "KEPT_BY_RUNS"
WATCHED, WATCHED_LOG = "WATCHED", "WATCHED_LOG"


def keep(kind: str, source: bytes | str, make: Callable[[], Any]) -> Any:
    """What ``make`` makes of the source, from the folder of what was made before."""
    text = source if isinstance(source, bytes) else source.encode()
    kept = os.path.join(os.environ[KEPT], hashlib.sha256(f"{sys.version}{kind}".encode() + text).hexdigest())
    with suppress(FileNotFoundError), open(kept, "rb") as file:
        return marshal.load(file)  # noqa: S302 written below
    value = make()
    written = f"{kept}.{os.getpid()}"
    with open(written, "wb") as file:
        marshal.dump(value, file)
    os.rename(written, kept)
    return value


def keep_modules() -> None:
    """Keep what zipimport makes of a source file. The archive is in another folder each time."""
    compile_source = zipimport._compile_source  # type: ignore[attr-defined]  # there is no public way

    def compile_kept(path: str, source: bytes) -> CodeType:
        return keep(os.path.basename(path), source, lambda: compile_source(path, source))  # type: ignore[no-any-return]

    zipimport._compile_source = compile_kept  # type: ignore[attr-defined]
    # It is asked for twice at each import: where the module is, and what is in it.
    zipimport._get_module_code = functools.cache(zipimport._get_module_code)  # type: ignore[attr-defined]


def keep_collections() -> None:
    """Keep what Ansible's loader of collections makes of a plugin's source, and of the table of all plugins."""
    from ansible.utils.collection_loader import _collection_finder as finder

    read_table = finder._meta_yml_to_dict

    def compile_kept(source: bytes | str, filename: str, **options: Any) -> CodeType:
        return keep(filename, source, lambda: compile(source, filename, **options))

    def read_kept(text: bytes | str, content: object) -> dict[str, Any]:
        return keep("table", text, lambda: read_table(text, content))

    finder.compile = compile_kept  # there in place of the built-in function
    finder._meta_yml_to_dict = read_kept


def keep_archives() -> None:
    """Lead Ansible's cache of archives, which lasts for a run, to the folder of what is kept."""
    make_folder = tempfile.mkdtemp

    def make_local_folder(*arguments: Any, **options: Any) -> str:
        folder = make_folder(*arguments, **options)
        if str(options.get("prefix")).startswith("ansible-local-"):
            os.symlink(os.environ[KEPT], os.path.join(folder, "ansiballz_cache"))
        return folder

    tempfile.mkdtemp = make_local_folder  # type: ignore[assignment]


def count_openings(watched: str, log: str) -> None:
    """Add a byte to the log for each opening of the watched file, from now on."""

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and arguments[0] == watched:
            descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
            os.write(descriptor, b".")
            os.close(descriptor)

    sys.addaudithook(count)


if KEPT in os.environ:
    gc.disable()  # a run ends before that pays
    keep_modules()
    if [os.path.basename(argument) for argument in sys.orig_argv[1:2]] == ["ansible-playbook"]:
        keep_collections()
        keep_archives()
if WATCHED in os.environ:
    count_openings(os.environ[WATCHED], os.environ[WATCHED_LOG])
