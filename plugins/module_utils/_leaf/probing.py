# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes: looking at a server until it serves the leaf and the staple that were deployed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation_commands import TimeLimit
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import Fingerprints, sha256
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Probe, ProbeFinding
from ansible_collections.anchorage.pki.plugins.module_utils._tls.probe import (
    OPENSSL,
    ProbeError,
    UnseenError,
    served_leaf,
    served_staple,
)

_SECONDS_BETWEEN_LOOKS = 0.1
# One look may not use up the whole time limit: a former worker that hangs must not hide the new one.
LONGEST_LOOK = 5.0
_SHORTEST_LOOK = 0.5

SERVED = "served"
NOT_PROBED = "not probed"
NOT_EXPECTED = "not expected"


class NotServedError(HostError):
    """What was deployed of the leaf ``certificate`` is not served, and the time for that is over."""

    def __init__(self, message: str, certificate: str) -> None:
        super().__init__(message)
        self.certificate = certificate


def probe_all(
    probes: Sequence[Probe], expected: Mapping[str, Fingerprints], limit: TimeLimit
) -> tuple[ProbeFinding, ...]:
    """Probe until what is ``expected`` of each certificate is served. Raises NotServedError where that is not in time.

    Probes of certificates that nothing is expected of, since they were not deployed, are left out.
    """
    return tuple(
        _wait_until_served(probe, expected[probe.certificate], limit)
        for probe in probes
        if probe.certificate in expected
    )


def _wait_until_served(probe: Probe, expected: Fingerprints, limit: TimeLimit) -> ProbeFinding:
    """Look until the expected leaf and staple are served: a reload returns before new workers answer."""
    while True:
        try:
            return look(probe, expected, min(LONGEST_LOOK, max(_SHORTEST_LOOK, limit.remaining())))
        except ProbeError as error:
            if reason := limit.reached():
                place = f"{probe.address} port {probe.port}"
                message = f"activate.probes: {place} does not serve {probe.certificate}: {error} ({reason})."
                raise NotServedError(message, probe.certificate) from error
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def look(probe: Probe, expected: Fingerprints, seconds: float, openssl: str = OPENSSL) -> ProbeFinding:
    """Look once. Raises ProbeError while something else is served than expected."""
    leaf = sha256(served_leaf(probe.address, probe.port, probe.server_name, seconds))
    if leaf != expected.leaf:
        raise ProbeError(f"it serves another leaf (SHA-256 {leaf})")
    staple, detail = _look_at_staple(probe, expected, seconds, openssl)
    return ProbeFinding(probe.certificate, probe.address, probe.port, SERVED, staple, detail)


def _look_at_staple(probe: Probe, expected: Fingerprints, seconds: float, openssl: str) -> tuple[str, str]:
    if not probe.staple or not expected.staple:
        return NOT_EXPECTED, ""
    try:
        seen = served_staple(probe.address, probe.port, probe.server_name, seconds, openssl)
    except UnseenError as error:
        return NOT_PROBED, str(error)
    if sha256(seen.leaf) != expected.leaf:
        raise ProbeError("it serves another leaf to a client that asks for a staple")
    if not seen.staple:
        raise ProbeError("it serves no staple")
    if sha256(seen.staple) != expected.staple:
        raise ProbeError("it serves another staple")
    return SERVED, ""
