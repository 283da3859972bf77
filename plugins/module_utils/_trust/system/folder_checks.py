# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be seen of an anchor in a system store: in its sources, and in each of the files that programs read.

The refresh command's exit status proves nothing, since it is 0 whatever was left out, and ``trust list`` reads the
sources: only what consumers read counts. Sources: openssl-rehash(1), openssl-verification-options(1), trust(1).
"""

from __future__ import annotations

import os

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.selinux import misplaced_type
from ansible_collections.anchorage.pki.plugins.module_utils._trust.certificates import holds
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.openssl import Verifier, dangling_links, hash_links
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import STALE, TRUSTED, Anchor, Finding
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.checks import Check, check_readable
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import Platform
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.sources import Source, distrust, sources


def inspect_store(platform: Platform, anchor: Anchor) -> Finding:
    """What :func:`inspect_files` says, and whether a refresh is under way, or did not complete."""
    finding, mark = inspect_files(platform, anchor), platform.path(platform.layout.under_way)
    if not os.path.exists(mark):
        return finding
    sentence = f"{mark} is left of a refresh that did not complete"
    return replace(finding, state=STALE, evidence=(*finding.evidence, sentence))


def inspect_files(platform: Platform, anchor: Anchor) -> Finding:
    """What the sources and the readers of a store say, whatever is under way."""
    # An independent reader takes as long as all our own checks, so both go on at a time.
    verifiers = _start_verifiers(platform, anchor)
    try:
        found, blocked = _check_sources(platform, anchor), distrust(platform, anchor)
        own = _check_readers(platform, anchor)
    finally:
        confirmed = [_confirm(*asked, each, anchor) for asked, each in verifiers.items()]
    checks = [*found, *own, *confirmed]
    evidence = tuple(check.sentence for check in checks)
    if not blocked and all(check.sound for check in checks):
        return Finding(TRUSTED, evidence)
    # Here, as further down, for the many hosts that have no need of it.
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.unsound import judge

    return judge(platform, found, checks, blocked)


def _check_sources(platform: Platform, anchor: Anchor) -> list[Check]:
    """Is there a file that will make the next refresh trust the anchor, too?"""
    found = list(sources(platform))
    checks = [
        _check_copy(platform, source, anchor)
        for source in found
        if source.is_copy_of(anchor) and not source.limits(anchor)
    ]
    checks += [Check(True, False, f"{source.path} limits it") for source in found if source.limits(anchor)]
    odd = [source for source in found if not source.is_copy_of(anchor) and not source.distrusts(anchor)]
    if checks and not odd:
        return checks
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import other_sources

    checks = checks or other_sources.check_elsewhere(platform, anchor)
    return checks + [check for source in odd for check in other_sources.check_oddity(platform, source, anchor)]


def _check_copy(platform: Platform, source: Source, anchor: Anchor) -> Check:
    own = source.path == str(platform.own_file(anchor))
    misplaced = misplaced_type(source.path, os.path.dirname(source.path)) if own else ""
    if misplaced:
        return Check(True, False, f"{source.path} {misplaced}")
    return check_readable(platform, source.path, f"{source.path} holds it")


def _start_verifiers(platform: Platform, anchor: Anchor) -> dict[tuple[str, str], Verifier | None]:
    """An independent reader for each option and path; None where there is no such reader.

    It reads a whole store whatever it is asked, and so it is asked of all the anchors at once that are together.
    """
    together, started = platform.settings.together, platform.verifiers
    if anchor in together and started:
        return started
    openssl = platform.settings.command("openssl")
    asked = [("-CAfile", bundle) for bundle in platform.bundles[:1]]
    asked += [("-CApath", platform.links)] if platform.links else []
    pems = [each.pem for each in (together if anchor in together else (anchor,))]
    new = {each: Verifier(openssl, *each, pems) if openssl else None for each in asked}
    if anchor in together:
        started.update(new)
    return new


def _check_readers(platform: Platform, anchor: Anchor) -> list[Check]:
    """Is it in everything that programs read?"""
    checks = [_check_bundle(platform, bundle, anchor) for bundle in platform.bundles]
    separated, keystore = platform.separated, platform.keystore
    if separated or keystore:
        from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import other_readers

        checks += [other_readers.check_separated(path, anchor) for path in separated]
    checks += _check_links(platform, anchor) if platform.links else []
    return checks + ([other_readers.check_keystore(platform, anchor)] if keystore else [])


def _check_bundle(platform: Platform, bundle: str, anchor: Anchor) -> Check:
    data = read_regular(bundle)
    if data is None:
        return Check(False, False, f"{bundle} is missing or cannot be read")
    if not holds(data, anchor.der):
        return Check(False, False, f"{bundle} lacks it")
    return check_readable(platform, bundle, f"{bundle} holds it")


def _check_links(platform: Platform, anchor: Anchor) -> list[Check]:
    links = hash_links(platform.links, anchor.der)
    checks = [check_readable(platform, target, f"{link} leads to it in {target}") for link, target in links.items()]
    checks = checks or [Check(False, False, f"{platform.links} has no hash link that leads to it")]
    gone = dangling_links(platform.links, anchor.name)
    return checks + [Check(True, False, f"{link} leads to a file that is gone") for link in gone]


def _confirm(option: str, path: str, verifier: Verifier | None, anchor: Anchor) -> Check:
    """What an independent reader says."""
    if verifier is None:
        return Check(False, True, f"{path} was not confirmed by another reader: there is no openssl command")
    reason = verifier.refusal(anchor.pem)
    if reason:
        return Check(False, False, f"openssl verify {option} {path} refuses it: {reason}")
    return Check(True, True, f"openssl verify {option} {path} accepts it")
