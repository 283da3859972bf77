# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that runs in a process of its own on a Mac, and is alone in loading Apple's libraries there.

It gets one request and writes one answer: what it can be asked for is ``READ``, ``INSPECT``, or a row of the operations
in :mod:`writing`.
"""

from __future__ import annotations

import sys

from ansible_collections.anchorage.pki.plugins.module_utils._macos.core_foundation import CoreFoundation
from ansible_collections.anchorage.pki.plugins.module_utils._macos.reading import read_trust_settings
from ansible_collections.anchorage.pki.plugins.module_utils._macos.security import Security

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

READ, INSPECT = "read_trust_settings", "inspect_anchors"


def main(operation: str, arguments: dict[str, Any], core_foundation: str, security: str) -> None:
    """Write ``{"result": ...}`` of what was asked for as JSON, or ``{"error": ...}``, a sentence without its end.

    The last two are the paths of the libraries.
    """
    try:
        libraries = Security(security, CoreFoundation(core_foundation))
    except (OSError, AttributeError) as error:
        answer: dict[str, object] = {"error": f"Apple's libraries cannot be used: {error}"}
    else:
        answer = {"result": _operation(operation)(libraries, **arguments)}
    sys.stdout.write(to_json(answer))


def _operation(name: str) -> Callable[..., object]:
    if name == READ:
        return read_trust_settings
    # Each is left out where it is not asked for, as to compile it would be a good part of the time that takes.
    if name == INSPECT:
        from ansible_collections.anchorage.pki.plugins.module_utils._macos.anchor import inspect_anchors

        return inspect_anchors
    from ansible_collections.anchorage.pki.plugins.module_utils._macos.writing import OPERATIONS

    return OPERATIONS[name]


def to_json(value: object) -> str:
    """Plain values as JSON. To import ``json`` takes as long as Python's own start, half of what this program takes."""
    if isinstance(value, str):
        plain = value.isascii() and value.isprintable() and '"' not in value and "\\" not in value
        return f'"{value if plain else "".join(map(_escaped, value))}"'
    if isinstance(value, dict):
        return f"{{{','.join(f'{to_json(key)}:{to_json(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{','.join(map(to_json, value))}]"
    return "null" if value is None else str(value).lower()


def _escaped(character: str) -> str:
    """A character as a string in JSON has it (RFC 8259, section 7)."""
    if " " <= character <= "~" and character not in '"\\':
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[index : index + 2].hex()}" for index in range(0, len(units), 2))
