# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in the sources of a system store besides plain copies of the anchor, or in their place."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.anchorage.pki.plugins.module_utils._trust.certificates import LABELS, certificates_in, holds
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.checks import Check
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import Platform
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.sources import Source, walk
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_search import find_labels


def check_elsewhere(platform: Platform, anchor: Anchor) -> list[Check]:
    """Where there is no plain copy: do the distribution's own files feed it to the bundle?"""
    in_bundle = any(holds(read_regular(bundle) or b"", anchor.der) for bundle in platform.bundles[:1])
    packaged = walk(platform.path(platform.layout.packaged), nested=True) if in_bundle else ()
    checks = [Check(True, True, f"{source.path} holds it") for source in packaged if source.holds(anchor)]
    return checks or [Check(False, False, f"{platform.path(platform.layout.anchors)} has no file that holds it alone")]


def check_oddity(platform: Platform, source: Source, anchor: Anchor) -> Iterator[Check]:
    """What the source holds that a person should know of. It is no plain copy, and distrusts nothing."""
    if source.holds(anchor):
        yield Check(True, True, f"{source.path} holds it together with other things, and is left to its owner")
    elif source.path == platform.own_file(anchor):
        yield Check(True, False, f"{source.path} does not hold what its name says")
    if platform.layout.joins_bytes and not source.content.endswith(b"\n"):
        yield Check(False, True, f"{source.path} has no final newline, which may keep programs from reading the bundle")
    if is_damaged(source.content):
        yield Check(False, True, f"{source.path} is damaged, and may keep programs from reading the bundle")


def is_damaged(data: bytes) -> bool:
    """Whether a certificate in PEM begins in ``data`` that cannot be read. OpenSSL stops reading a bundle there."""
    return sum(label in LABELS for label in find_labels(data)) > len(certificates_in(data))
