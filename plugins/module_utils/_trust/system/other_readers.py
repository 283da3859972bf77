# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What programs read of a system store, on hosts that have more for them than a bundle and a folder of links."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._trust.certificates import holds
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.jks import read_jks
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.checks import Check, check_readable
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import Platform


def check_separated(path: str, anchor: Anchor) -> Check:
    """Is it in the file that lies in the place of a link to the bundle?"""
    if holds(read_regular(path) or b"", anchor.der):
        return Check(True, True, f"{path} holds it, and is a file of its own that no refresh feeds")
    return Check(
        False,
        False,
        f"{path} lacks it, and is a file of its own that no refresh feeds: restore the link that its package installs",
    )


def check_keystore(platform: Platform, anchor: Anchor) -> Check:
    """Is it in the keystore that the refresh command writes?"""
    entries = read_jks(read_regular(platform.keystore) or b"")
    if entries is None:
        return Check(False, False, f"{platform.keystore} is damaged, or not a keystore in Java's own format (JKS)")
    if anchor.der not in entries.values():
        return Check(False, False, f"{platform.keystore} lacks it")
    return check_readable(platform, platform.keystore, f"{platform.keystore} holds it")
