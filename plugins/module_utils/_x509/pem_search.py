# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks of PEM wherever they begin, as p11-kit finds them: in files that were joined without a line end, or in
indented text. What a trust store's own programs make of a file is read by pem.py.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple

# The line that begins or ends a block, wherever it is. One may end with the dashes with which the next one begins.
_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)(?=-----)")
_END = re.compile(rb"-----END ([A-Z0-9 ]+)(?=-----)")
_DASHES = b"-----"


class PemBlock(NamedTuple):
    """A block of any label; its body is base64, perhaps, with any white space."""

    label: bytes
    body: bytes


def find_blocks(data: bytes) -> list[PemBlock]:
    """Every complete block in ``data``, wherever it begins, up to the first END of its label."""
    ends: dict[bytes, list[int]] = {}
    for match in _END.finditer(data):
        ends.setdefault(match.group(1), []).append(match.start())
    blocks, position = [], 0
    for match in _BEGIN.finditer(data):
        label, start = match.group(1), match.end() + len(_DASHES)
        following = ends.get(label, [])
        index = bisect_left(following, start)
        if match.start() >= position and index < len(following):
            blocks.append(PemBlock(label, data[start : following[index]]))
            position = following[index] + len(b"-----END -----") + len(label)
    return blocks


def find_labels(data: bytes) -> list[bytes]:
    """The label of every block that begins in ``data``, complete or not."""
    return _BEGIN.findall(data)
