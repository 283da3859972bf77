# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be seen of an anchor in a system store: in its sources, and in each of the files that programs read.

The refresh command's exit status proves nothing, since it is 0 whatever was left out, and ``trust list`` reads the
sources: only what consumers read counts. Sources: openssl-rehash(1), openssl-verification-options(1), trust(1).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._host.reader import Reader
from ansible_collections.anchorage.pki.plugins.module_utils._host.selinux import misplaced_type
from ansible_collections.anchorage.pki.plugins.module_utils._trust.certificates import (
    holds,
    is_damaged,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import closed_to_others, read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.openssl import (
    dangling_links,
    hash_links,
    refusal,
    start_verification,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import ABSENT, STALE, TRUSTED, Anchor, Finding
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import Platform
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.sources import (
    Source,
    distrust,
    packaged_copies,
    sources,
)

# There while a refresh is under way. One that was interrupted may have removed what it had not made again yet, even
# files that are not ours: update-ca-trust of EL 10 makes the link to curl's bundle last, and others have hooks then.
UNDER_WAY = "/var/lib/anchorage/refresh"


class Check(NamedTuple):
    """One thing that was looked at: is a ``trace`` of the anchor there, and is all ``sound`` that trust needs?"""

    trace: bool
    sound: bool
    sentence: str


def inspect_files(platform: Platform, anchor: Anchor) -> Finding:
    """What the sources and the readers of a store say, whatever is under way."""
    # An independent reader takes as long as all our own checks, so both go on at a time.
    verifications = _start_verifications(platform, anchor)
    try:
        found, blocked = _check_sources(platform, anchor), distrust(platform, anchor)
        own = _check_readers(platform, anchor)
    finally:
        confirmed = [_confirm(*each) for each in verifications]
    checks = [*found, *own, *confirmed]
    evidence = tuple(check.sentence for check in checks)
    if blocked:
        # A bundle for OpenSSL lists what is distrusted, too, as such.
        trace = any(check.trace for check in checks if ".trust.crt" not in check.sentence)
        return Finding(STALE if trace else ABSENT, evidence, blocked)
    if all(check.sound for check in checks):
        return Finding(TRUSTED, evidence)
    mark = _deferred(platform)
    if mark and all(check.sound for check in found):
        return Finding(TRUSTED, (f"{mark} defers trust to the next boot", *evidence), awaits="the next boot")
    if mark and not any(check.trace for check in found):
        return Finding(ABSENT, (f"{mark} defers removal to the next boot", *evidence), awaits="the next boot")
    return Finding(STALE if any(check.trace for check in checks) else ABSENT, evidence)


def _check_sources(platform: Platform, anchor: Anchor) -> list[Check]:
    """Is there a file that will make the next refresh trust the anchor, too?"""
    found = list(sources(platform))
    checks = [
        _check_copy(platform, source, anchor)
        for source in found
        if source.is_copy_of(anchor) and not source.limits(anchor)
    ]
    checks += [Check(True, False, f"{source.path} limits it") for source in found if source.limits(anchor)]
    if not checks and _is_in_first_bundle(platform, anchor):
        checks = [Check(True, True, f"{path} holds it") for path in packaged_copies(platform, anchor)]
    if not checks:
        checks = [Check(False, False, f"{platform.path(platform.layout.anchors)} has no file that holds it alone")]
    return checks + [check for source in found for check in _check_oddity(platform, source, anchor)]


def _check_copy(platform: Platform, source: Source, anchor: Anchor) -> Check:
    own = source.path == str(platform.own_file(anchor))
    misplaced = misplaced_type(source.path, os.path.dirname(source.path)) if own else ""
    if misplaced:
        return Check(True, False, f"{source.path} {misplaced}")
    return _check_readable(platform, source.path, f"{source.path} holds it")


def _start_verifications(platform: Platform, anchor: Anchor) -> list[tuple[str, str, Reader | None]]:
    """What an independent reader is asked: by which option, about which path; None where there is no such reader."""
    openssl = platform.settings.command("openssl")
    asked = [("-CAfile", bundle) for bundle in platform.bundles[:1]]
    asked += [("-CApath", platform.links)] if platform.links else []
    return [(option, path, start_verification(option, path, anchor.pem, openssl)) for option, path in asked]


def _check_readers(platform: Platform, anchor: Anchor) -> list[Check]:
    """Is it in everything that programs read?"""
    checks = [_check_bundle(platform, bundle, anchor) for bundle in platform.bundles]
    checks += [_check_separated(path, anchor) for path in platform.separated]
    checks += _check_links(platform, anchor) if platform.links else []
    return checks + ([_check_keystore(platform, anchor)] if platform.keystore else [])


def _deferred(platform: Platform) -> str:
    """The file by which the refresh command leaves its work to the next boot, where it does that."""
    variable, mark = platform.layout.deferral
    return platform.path(mark) if variable in os.environ and os.path.exists(platform.path(mark)) else ""


def _is_in_first_bundle(platform: Platform, anchor: Anchor) -> bool:
    return any(holds(read_regular(bundle) or b"", anchor.der) for bundle in platform.bundles[:1])


def _check_oddity(platform: Platform, source: Source, anchor: Anchor) -> Iterator[Check]:
    """What a source holds that a person should know of, where it is not a plain copy."""
    if source.is_copy_of(anchor) or source.distrusts(anchor):
        return
    if source.holds(anchor):
        yield Check(True, True, f"{source.path} holds it together with other things, and is left to its owner")
    elif source.path == platform.own_file(anchor):
        yield Check(True, False, f"{source.path} does not hold what its name says")
    if platform.layout.joins_bytes and not source.content.endswith(b"\n"):
        yield Check(False, True, f"{source.path} has no final newline, which may keep programs from reading the bundle")
    if is_damaged(source.content):
        yield Check(False, True, f"{source.path} is damaged, and may keep programs from reading the bundle")


def _check_bundle(platform: Platform, bundle: str, anchor: Anchor) -> Check:
    data = read_regular(bundle)
    if data is None:
        return Check(False, False, f"{bundle} is missing or cannot be read")
    if not holds(data, anchor.der):
        return Check(False, False, f"{bundle} lacks it")
    return _check_readable(platform, bundle, f"{bundle} holds it")


def _check_separated(path: str, anchor: Anchor) -> Check:
    if holds(read_regular(path) or b"", anchor.der):
        return Check(True, True, f"{path} holds it, and is a file of its own that no refresh feeds")
    return Check(
        False,
        False,
        f"{path} lacks it, and is a file of its own that no refresh feeds: restore the link that its package installs",
    )


def _check_links(platform: Platform, anchor: Anchor) -> list[Check]:
    links = hash_links(platform.links, anchor.der)
    checks = [_check_readable(platform, target, f"{link} leads to it in {target}") for link, target in links.items()]
    return [
        *(checks or [Check(False, False, f"{platform.links} has no hash link that leads to it")]),
        *(
            Check(True, False, f"{link} leads to a file that is gone")
            for link in dangling_links(platform.links, anchor.name)
        ),
    ]


def _check_keystore(platform: Platform, anchor: Anchor) -> Check:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.jks import (
        read_jks,  # where there is no such keystore, it is not needed
    )

    entries = read_jks(read_regular(platform.keystore) or b"")
    if entries is None:
        return Check(False, False, f"{platform.keystore} is damaged, or not a keystore in Java's own format (JKS)")
    if anchor.der not in entries.values():
        return Check(False, False, f"{platform.keystore} lacks it")
    return _check_readable(platform, platform.keystore, f"{platform.keystore} holds it")


def _check_readable(platform: Platform, path: str, sentence: str) -> Check:
    barred = closed_to_others(path, platform.settings.root)
    return Check(True, not barred, f"{sentence}, but {barred} is closed to other users" if barred else sentence)


def _confirm(option: str, path: str, verification: Reader | None) -> Check:
    """What an independent reader says."""
    if verification is None:
        return Check(False, True, f"{path} was not confirmed by another reader: there is no openssl command")
    reason = refusal(verification)
    if reason:
        return Check(False, False, f"openssl verify {option} {path} refuses it: {reason}")
    return Check(True, True, f"openssl verify {option} {path} accepts it")
