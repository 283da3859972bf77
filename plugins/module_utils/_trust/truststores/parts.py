# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a truststore file of any format is read as and written from: parts, each with its bytes as they stand there."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple


class Part(NamedTuple):
    """A part of a file: its bytes, and the certificate in it with its alias, each empty for none."""

    content: bytes
    der: bytes = b""
    alias: str = ""


class NotTruststoreError(ValueError):
    """The file is no truststore, or holds more than certificates; says what, as the end of a sentence about it."""
