# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until a server serves the leaf and the staple that were deployed, after it was reloaded."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation_commands import TimeLimit
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import Fingerprints
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Probe, ProbeFinding
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.probing import look
from ansible_collections.anchorage.pki.plugins.module_utils._tls.errors import ProbeError

_SECONDS_BETWEEN_LOOKS = 0.1
# One look may not use up the whole time limit: a former worker that hangs must not hide the new one.
_LONGEST_LOOK = 5.0
_SHORTEST_LOOK = 0.5


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
            return look(probe, expected, lambda: min(_LONGEST_LOOK, max(_SHORTEST_LOOK, limit.remaining())))
        except ProbeError as error:
            if reason := limit.reached():
                place = f"{probe.address} port {probe.port}"
                message = f"activate.probes: {place} does not serve {probe.certificate}: {error} ({reason})."
                raise NotServedError(message, probe.certificate) from error
        time.sleep(_SECONDS_BETWEEN_LOOKS)
