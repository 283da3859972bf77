# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one family of errors that the host's half raises; each module translates it once, in its ``main()``."""

from __future__ import annotations


class HostError(Exception):
    """Something on the host that the reader of the message can fix; nothing was lost."""


class UserNeeded(HostError):
    """Only a person can do this, with knowledge that the host does not have; the message says how."""


def describe_os_error(error: OSError) -> str:
    """A sentence for an error of the system in work with files."""
    return f"{error.filename or 'A file'} cannot be read or changed: {error.strerror}."
