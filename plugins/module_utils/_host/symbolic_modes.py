# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modes in symbols, as chmod(1) has them."""

from __future__ import annotations

import re

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError

_PERMISSIONS = {"r": 4, "w": 2, "x": 1}
_SHIFTS = {"u": 6, "g": 3, "o": 0}
_CLAUSE = re.compile(r"([ugoa]*)([=+-])([rwx]*)")
_BASE = 0o600


def parse_symbols(mode: str) -> int:
    """The mode that the symbols make of 0600. Raises HostError."""
    number = _BASE
    for clause in mode.split(","):
        match = _CLAUSE.fullmatch(clause)
        if match is None:
            raise HostError(f"mode: {mode} is not a mode. Write for example '0640' or 'u=rw,g=r'.")
        classes, operator, letters = match.groups()
        bits = sum(_PERMISSIONS[letter] for letter in set(letters))
        for shift in (_SHIFTS[name] for name in _expand(classes)):
            number = _apply_clause(number, operator, bits << shift, 0o7 << shift)
    return number


def _expand(classes: str) -> set[str]:
    return set("ugo") if not classes or "a" in classes else set(classes)


def _apply_clause(number: int, operator: str, bits: int, mask: int) -> int:
    if operator == "+":
        return number | bits
    if operator == "-":
        return number & ~bits
    return (number & ~mask) | bits
