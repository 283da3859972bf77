# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mode of a file as users of other Ansible modules write it, turned into what the system takes."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError


def private_key_mode(mode: str | int) -> int:
    """The mode of files that hold a private key: a number, octal digits, or symbols that start from 0600.

    Raises HostError for what is not a mode, and for a mode that lets every user read the key.
    """
    number = file_mode(mode)
    if number & 0o007:
        raise HostError(
            f"mode: {number:04o} would let every user read the private key. "
            "Use '0600', or '0640' with the option group."
        )
    return number


def file_mode(mode: str | int) -> int:
    """The mode of a file: a number, octal digits, or symbols that start from 0600. Raises HostError."""
    number = _parse_mode(mode)
    if number & ~0o777:
        raise HostError(f"mode: {mode} is not the mode of a file. Write it in quotes, for example '0640'.")
    return number


def _parse_mode(mode: str | int) -> int:
    if isinstance(mode, int):
        return mode
    try:
        return int(mode, 8)
    except ValueError:
        # Here, since few tasks have any.
        from ansible_collections.anchorage.pki.plugins.module_utils._host.symbolic_modes import parse_symbols

        return parse_symbols(mode)
