# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The truststore files that a task names, as they cross to a host."""

from __future__ import annotations

import json

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._wire import codec

PEM, PKCS12, JKS = "pem", "pkcs12", "jks"
FORMATS = (PEM, PKCS12, JKS)


@dataclass(frozen=True)
class Truststore:
    """A file with certificates and no key. ``owner``, ``group`` and ``mode`` are empty for what the file has, or what a
    new one gets; ``password`` is empty for none."""

    path: str = codec.text()
    format: str = codec.choice(FORMATS)
    password: str = codec.text("", no_log=True)
    owner: str = codec.text("")
    group: str = codec.text("")
    mode: str = codec.text("")


def packed(truststores: list[Truststore]) -> str:
    """They all as one text, so that only hosts that have any declare what they are; "" for none."""
    return json.dumps(codec.encode(truststores)) if truststores else ""


def unpacked(text: str) -> list[Truststore]:
    """Those in a text of :func:`packed`. Raises ValueError."""
    return [codec.decode(Truststore, each) for each in codec.entries_of(json.loads(text or "[]"), codec.MOST_ENTRIES)]
