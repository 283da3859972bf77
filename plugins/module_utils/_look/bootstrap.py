# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The beginning of the program that looks at a host: it reaches Python by its standard input, and touches no file.

The controller sends this very text, and after it a call of :func:`run` with all that the look needs.
"""

from __future__ import annotations

import binascii
import gc
import importlib
import json
import sys
import zlib
from importlib.machinery import ModuleSpec
from types import ModuleType

OLDEST_PYTHON = (3, 9)
# The lines around the answer: a login script may write more, and a connection may break off.
BEGIN = "-----BEGIN ANSWER-----"
END = "-----END ANSWER-----"


class SourceLoader:
    """Imports modules from their sources by full name, and compiles each when it is first imported."""

    def __init__(self, sources: dict[str, str]) -> None:
        self._sources = sources
        self._packages = {name.rsplit(".", depth)[0] for name in sources for depth in range(1, name.count(".") + 1)}

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        if name in self._packages:
            return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]
        if name not in self._sources:
            return None
        spec = ModuleSpec(name, self, origin=name.replace(".", "/") + ".py")  # type: ignore[arg-type]
        spec.has_location = True
        return spec

    def create_module(self, _spec: ModuleSpec) -> None:
        """As Python makes any module."""

    def exec_module(self, module: ModuleType) -> None:
        source = self._sources.get(module.__name__)
        if source is not None:
            exec(compile(source, str(module.__file__), "exec", dont_inherit=True), module.__dict__)  # noqa: S102

    def get_data(self, path: str) -> bytes:
        """The source of the module whose ``__file__`` is ``path``. Raises OSError."""
        name = path[: -len(".py")].replace("/", ".")
        if name not in self._sources:
            raise FileNotFoundError(path)
        return self._sources[name].encode()


def run(entry: str, packed_sources: str, arguments: str) -> None:
    """Write what the function C(look) of the module ``entry`` answers to ``arguments``, both in JSON.

    ``packed_sources`` is a dictionary of modules' sources by full name, in JSON, compressed, in base64.
    """
    if sys.version_info < OLDEST_PYTHON:
        raise SystemExit("this Python is too old")
    gc.disable()  # this process ends before there is anything to collect
    sources = json.loads(zlib.decompress(binascii.a2b_base64(packed_sources)))
    sys.meta_path.insert(0, SourceLoader(sources))
    answer = importlib.import_module(entry).look(json.loads(arguments))
    sys.stdout.write("\n".join(["", BEGIN, json.dumps(answer), END, ""]))
