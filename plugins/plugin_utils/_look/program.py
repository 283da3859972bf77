# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that looks at a host, as one text for the host's Python, and its answer.

The text has the sources of the host's half that the look may need, so that a look and a module run the same code. A
source that is not needed on a host is never compiled there.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._look import bootstrap
from ansible_collections.anchorage.pki.plugins.module_utils._programs.bundle import PACKAGE

MODULE_UTILS = Path(bootstrap.__file__).parent.parent

# Imports begin a line, within functions too; the names may fill several lines in parentheses.
_IMPORT = re.compile(rf"^ *from {re.escape(PACKAGE)}\.([\w.]+) import (\([^)]*\)|.*)$", re.MULTILINE)


class NoAnswerError(Exception):
    """A program did not answer as it should; says how."""


@dataclass(frozen=True)
class LookProgram:
    """A program without its arguments. Making the text takes a few milliseconds: it is made once for all hosts."""

    text: str

    def with_arguments(self, arguments: Mapping[str, Any]) -> bytes:
        """The whole program: it looks by ``arguments``, which are JSON values."""
        return f"{self.text}{json.dumps(arguments)!r})\n".encode("ascii")


def look_program(entry: str) -> LookProgram:
    """The program that calls C(look) of the module ``entry``, a name below module_utils, and has all that it may
    import."""
    return program_of(f"{PACKAGE}.{entry}", {f"{PACKAGE}.{name}": source_of(name) for name in imported_by(entry)})


def program_of(entry: str, sources: Mapping[str, str]) -> LookProgram:
    """The program that calls C(look) of the module ``entry``, of modules' sources by their full names."""
    packed = base64.b64encode(zlib.compress(json.dumps(sources).encode())).decode()
    start = (MODULE_UTILS / "_look" / "bootstrap.py").read_text(encoding="utf-8")
    return LookProgram(f"{start}\n\nrun({entry!r}, {packed!r}, ")


def imported_by(entry: str) -> set[str]:
    """The names below module_utils of ``entry`` and all that it may import, at any depth."""
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _imports(source_of(name))
    return found


def source_of(name: str) -> str:
    """The source of a module by its name below module_utils. Raises OSError."""
    return _file(name).read_text(encoding="utf-8")


def read_answer(output: str) -> Any:
    """The answer in what a program wrote to its output. Raises NoAnswerError."""
    _before, begin, rest = output.partition(f"\n{bootstrap.BEGIN}\n")
    answer, end, _after = rest.partition(f"\n{bootstrap.END}\n")
    if not (begin and end):
        raise NoAnswerError("it did not reach its end")
    try:
        return json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise NoAnswerError("its answer is not JSON") from error


def _imports(source: str) -> Iterator[str]:
    for package, names in _IMPORT.findall(source):
        if _file(package).is_file():
            yield package
        else:
            members = [f"{package}.{name}" for name in re.findall(r"\w+", names)]
            yield from (member for member in members if _file(member).is_file())


def _file(name: str) -> Path:
    return MODULE_UTILS.joinpath(*name.split(".")).with_suffix(".py")
