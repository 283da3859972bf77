# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labels of DNS names beyond ASCII, by IDNA 2008 (RFC 5891): from what a user writes to the A-label.

What browsers would make of a label (UTS 46, non-transitional) is what it has to be by itself, capitals apart: a name
that is silently mapped to another one is not what its reader sees.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._idna import library

A_LABEL_PREFIX = "xn--"


def encoded_label(label: str, name: str) -> str:
    """The A-label of a label beyond ASCII, which is in Normalization Form C. Raises PkiError, which shows ``name``."""
    idna = library(name)
    try:
        mapped: str = idna.uts46_remap(label, std3_rules=True, transitional=False)
        encoded: str = idna.alabel(mapped).decode("ascii")
    except idna.IDNAError as error:
        raise PkiError(
            f"names: {name!r} is not a DNS name: the label {label!r} cannot be encoded by IDNA 2008 ({_told(error)})."
        ) from error
    if mapped not in (label, _lowered(label)):
        raise PkiError(
            f"names: {name!r} is ambiguous: the label {label!r} has a character that programs take for another one, or "
            f"encode in different ways; write {encoded!r} for that label, or what you mean in plain small letters."
        )
    return encoded


def check_a_label(label: str, name: str) -> None:
    """Raise PkiError, which shows ``name``, unless ``label``, which begins as A-labels do, is one."""
    idna = library(name)
    try:
        is_canonical = idna.alabel(idna.ulabel(label)) == label.encode("ascii")
        reason = "" if is_canonical else "what it stands for is encoded in another way"
    except idna.IDNAError as error:
        reason = _told(error)
    if reason:
        raise PkiError(
            f"names: {name!r} is not a DNS name: the label {label!r} begins as an A-label and is none of IDNA 2008 "
            f"({reason}); write the name in its own letters."
        )


def _lowered(label: str) -> str:
    """The label with those capitals made small of which nobody doubts which small letter that is."""
    return "".join(letter.lower() if letter.lower().upper() == letter else letter for letter in label)


def _told(error: Any) -> str:
    return str(error).rstrip(".")
