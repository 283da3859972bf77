# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a host, in the values in which ansible-core keeps them, made fit for the terminal of who reads them."""

from __future__ import annotations

import dataclasses
from typing import Any

#: What makes lines of a text, and nothing else of a terminal.
LINES = "\n\t"


def escaped(value: Any) -> Any:
    """The value with every control character in its texts escaped, by which a host could write over what others said.
    ansible-core's own values for errors and warnings are of the same kind afterwards."""
    if isinstance(value, str):
        return value if _is_plain(value) else "".join(map(_escape, value))
    if isinstance(value, list):
        return [escaped(entry) for entry in value]
    if isinstance(value, tuple):
        return tuple(escaped(entry) for entry in value)
    if isinstance(value, dict):
        return {escaped(key): escaped(entry) for key, entry in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        told = {each.name: escaped(getattr(value, each.name)) for each in dataclasses.fields(value) if each.init}
        return dataclasses.replace(value, **told)
    return value


def _is_plain(text: str) -> bool:
    return all(character.isprintable() or character in LINES for character in text)


def _escape(character: str) -> str:
    return character if _is_plain(character) else character.encode("unicode_escape").decode("ascii")
