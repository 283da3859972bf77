# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of an anchor in a system store in which not all is as trust needs it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import ABSENT, STALE, TRUSTED, Finding
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.checks import Check
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import Platform
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.sources import sources

# OpenSSL reads each line in pieces of 254 bytes (before 1.1.1 and in LibreSSL, of 253), and takes one that begins with
# a zero byte for the end of the file.
_END_FOR_OPENSSL = re.compile(rb"^(?:(?:[^\n]{253})*|(?:[^\n]{254})*)\0", re.MULTILINE)


def judge(platform: Platform, found: Sequence[Check], checks: Sequence[Check], blocked: str) -> Finding:
    """What ``checks`` show, of which those ``found`` are of the sources; ``blocked`` is where the anchor is distrusted,
    "" for nowhere."""
    evidence = (*(check.sentence for check in checks), *_what_ends_bundles(platform))
    if blocked:
        # A bundle for OpenSSL lists what is distrusted, too, as such.
        trace = any(check.trace for check in checks if ".trust.crt" not in check.sentence)
        return Finding(STALE if trace else ABSENT, evidence, blocked)
    mark = _deferred(platform)
    if mark and all(check.sound for check in found):
        return Finding(TRUSTED, (f"{mark} defers trust to the next boot", *evidence), awaits="the next boot")
    if mark and not any(check.trace for check in found):
        return Finding(ABSENT, (f"{mark} defers removal to the next boot", *evidence), awaits="the next boot")
    return Finding(STALE if any(check.trace for check in checks) else ABSENT, evidence)


def ends_for_openssl(content: bytes) -> bool:
    """Whether OpenSSL reads nothing of what follows some byte of this, as in a file in DER that became a part of a
    bundle."""
    return _END_FOR_OPENSSL.search(content) is not None


def _what_ends_bundles(platform: Platform) -> Iterator[str]:
    """A sentence for each file that keeps OpenSSL from the rest of a bundle which a refresh put it into as it is."""
    bundles = [(bundle, read_regular(bundle) or b"") for bundle in platform.bundles]
    for source in sources(platform):
        if ends_for_openssl(source.content):
            for bundle in (bundle for bundle, content in bundles if source.content in content):
                yield (
                    f"{source.path} is in {bundle} as it is, and OpenSSL reads nothing behind it there: convert it to "
                    "PEM, as openssl x509 -inform DER does, or remove it"
                )


def _deferred(platform: Platform) -> str:
    """The file by which the refresh command leaves its work to the next boot, where it does that."""
    variable, mark = platform.layout.deferral
    return platform.path(mark) if variable in os.environ and os.path.exists(platform.path(mark)) else ""
