# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A probe: one look at whether a server serves the leaf and the staple that were deployed."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import Fingerprints, sha256
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Probe, ProbeFinding
from ansible_collections.anchorage.pki.plugins.module_utils._tls.errors import ProbeError, UnseenError
from ansible_collections.anchorage.pki.plugins.module_utils._tls.probe import OPENSSL, served_leaf, served_staple

SERVED = "served"
NOT_PROBED = "not probed"
NOT_EXPECTED = "not expected"


def glance(probe: Probe, expected: Fingerprints, seconds: float) -> ProbeFinding | None:
    """What one handshake of TLS 1.2 shows of leaf and staple, where that is what is expected of both; None where it
    takes a :func:`look`."""
    if not probe.staple or not expected.staple:
        return None
    try:
        seen = served_staple(probe.address, probe.port, probe.server_name, seconds)
    except (ProbeError, UnseenError):
        return None
    if (sha256(seen.leaf), sha256(seen.staple)) != expected:
        return None
    return ProbeFinding(probe.certificate, probe.address, probe.port, SERVED, SERVED, "")


def look(probe: Probe, expected: Fingerprints, seconds: Callable[[], float], openssl: str = OPENSSL) -> ProbeFinding:
    """Look once, in steps of which each has so many ``seconds``. Raises ProbeError while something else is served than
    expected."""
    leaf = sha256(served_leaf(probe.address, probe.port, probe.server_name, seconds()))
    if leaf != expected.leaf:
        raise ProbeError(f"it serves another leaf (SHA-256 {leaf})")
    staple, detail = _look_at_staple(probe, expected, seconds, openssl)
    return ProbeFinding(probe.certificate, probe.address, probe.port, SERVED, staple, detail)


def _look_at_staple(
    probe: Probe, expected: Fingerprints, seconds: Callable[[], float], openssl: str
) -> tuple[str, str]:
    if not probe.staple or not expected.staple:
        return NOT_EXPECTED, ""
    try:
        seen = served_staple(probe.address, probe.port, probe.server_name, seconds(), openssl)
    except UnseenError as error:
        return NOT_PROBED, str(error)
    if sha256(seen.leaf) != expected.leaf:
        raise ProbeError("it serves another leaf to a client that asks for a staple")
    if not seen.staple:
        raise ProbeError("it serves no staple")
    if sha256(seen.staple) != expected.staple:
        raise ProbeError("it serves another staple")
    return SERVED, ""
