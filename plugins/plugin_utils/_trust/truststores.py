# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The truststore files that a task names, checked before any host is asked."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.modes import file_mode
from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores.messages import (
    JKS,
    PEM,
    Truststore,
    packed,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

# keytool takes no shorter one.
_SHORTEST_PASSWORD = 6
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def wanted_truststores(entries: Sequence[Mapping[str, Any]]) -> str:
    """The files that the option ``truststores`` names, as they cross to a host. Raises PkiError."""
    found: dict[str, Truststore] = {}
    for number, entry in enumerate(entries):
        truststore = _truststore(f"truststores[{number}]", entry)
        if truststore.path in found:
            raise PkiError(f"truststores[{number}]: path {truststore.path} is named twice. Leave one entry out.")
        found[truststore.path] = truststore
    return packed(list(found.values()))


def _truststore(at: str, entry: Mapping[str, Any]) -> Truststore:
    path, password, mode = entry["path"], entry["password"], ""
    if _CONTROL.search(path):
        raise PkiError(f"{at}: path has a control character, such as a line end. Correct it.")
    if not os.path.isabs(path) or os.path.normpath(path) != path or path.startswith("//"):
        raise PkiError(f"{at}: path {path} is no absolute path without . and .. and without a final slash. Correct it.")
    if entry["format"] == PEM and password is not None:
        raise PkiError(f"{at}: password has no meaning with format=pem. Leave it out, or choose another format.")
    if entry["format"] == JKS and password is None:
        raise PkiError(f"{at}: format=jks needs a password, by which Java checks the file. Give it one.")
    if password is not None and len(password) < _SHORTEST_PASSWORD:
        raise PkiError(f"{at}: password is shorter than {_SHORTEST_PASSWORD} characters, which keytool needs.")
    try:
        if entry["mode"] is not None:
            mode = f"{file_mode(entry['mode']):04o}"
    except HostError as error:
        raise PkiError(f"{at}: {error}") from error
    return Truststore(path, entry["format"], password or "", entry["owner"] or "", entry["group"] or "", mode)
