# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a server take up what was deployed: configuration test, reload, and probes of what it then serves."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation_commands import (
    TimeLimit,
    find_program,
    run_command,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import Fingerprints, sha256
from ansible_collections.anchorage.pki.plugins.module_utils._tls.probe import (
    ProbeError,
    UnseenError,
    served_leaf,
    served_staple,
)

_SECONDS_BETWEEN_LOOKS = 0.1
# One look may not use up the whole time limit: a former worker that hangs must not hide the new one.
_LONGEST_LOOK = 5.0
_SHORTEST_LOOK = 0.5

SERVED = "served"
NOT_PROBED = "not probed"
NOT_EXPECTED = "not expected"


@dataclass(frozen=True)
class Probe:
    """One place where the leaf of ``certificate`` has to be served, and its staple where ``staple`` says so."""

    certificate: str
    address: str
    port: int
    server_name: str
    staple: bool


@dataclass(frozen=True)
class Activation:
    """What makes a server take up new files. Without commands and probes nothing is done; ``timeout`` in seconds."""

    test: list[str] = field(default_factory=list)
    reload: list[str] = field(default_factory=list)
    timeout: float = 30
    probes: list[Probe] = field(default_factory=list)


class ReloadedError(HostError):
    """The activation failed at a point where the server may already serve the new leaf."""


def check_commands(activation: Activation) -> None:
    """Raise HostError where there is no such program, while nothing has been changed yet."""
    for option, command in (("activate.test", activation.test), ("activate.reload", activation.reload)):
        if command:
            find_program(command, option)


def activate(activation: Activation, expected: Mapping[str, Fingerprints], limit: TimeLimit) -> dict[str, Any]:
    """Test, reload and probe until every probe sees what is ``expected`` of its certificate.

    Probes of certificates that nothing is expected of, since they were not deployed, are left out. Returns tested,
    reloaded and the probes' findings. Raises HostError while the server cannot have noticed anything, ReloadedError
    afterwards.
    """
    if activation.test:
        run_command(activation.test, "activate.test", limit)
    try:
        if activation.reload:
            run_command(activation.reload, "activate.reload", limit)
        findings = _probe_all(activation.probes, expected, limit)
        if reason := limit.interruption():
            raise HostError(f"The activation was cut off: {reason}.")
    except HostError as error:
        raise ReloadedError(str(error)) from error
    return {"tested": bool(activation.test), "reloaded": bool(activation.reload), "probes": findings}


def _probe_all(probes: list[Probe], expected: Mapping[str, Fingerprints], limit: TimeLimit) -> list[dict[str, Any]]:
    return [
        _wait_until_served(probe, expected[probe.certificate], limit)
        for probe in probes
        if probe.certificate in expected
    ]


def _wait_until_served(probe: Probe, expected: Fingerprints, limit: TimeLimit) -> dict[str, Any]:
    """Look until the expected leaf and staple are served: a reload returns before new workers answer."""
    while True:
        try:
            return _look(probe, expected, min(_LONGEST_LOOK, max(_SHORTEST_LOOK, limit.remaining())))
        except ProbeError as error:
            if reason := limit.reached():
                place = f"{probe.address} port {probe.port}"
                raise HostError(
                    f"activate.probes: {place} does not serve {probe.certificate}: {error} ({reason})."
                ) from error
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _look(probe: Probe, expected: Fingerprints, seconds: float) -> dict[str, Any]:
    """One look. Raises ProbeError while something else is served than expected."""
    leaf = sha256(served_leaf(probe.address, probe.port, probe.server_name, seconds))
    if leaf != expected.leaf:
        raise ProbeError(f"it serves another leaf (SHA-256 {leaf})")
    staple, detail = _look_at_staple(probe, expected, seconds)
    return {
        "certificate": probe.certificate,
        "address": probe.address,
        "port": probe.port,
        "leaf": SERVED,
        "staple": staple,
        "detail": detail,
    }


def _look_at_staple(probe: Probe, expected: Fingerprints, seconds: float) -> tuple[str, str]:
    if not probe.staple or not expected.staple:
        return NOT_EXPECTED, ""
    try:
        seen = served_staple(probe.address, probe.port, probe.server_name, seconds)
    except UnseenError as error:
        return NOT_PROBED, str(error)
    if sha256(seen.leaf) != expected.leaf:
        raise ProbeError("it serves another leaf to a client that asks for a staple")
    if not seen.staple:
        raise ProbeError("it serves no staple")
    if sha256(seen.staple) != expected.staple:
        raise ProbeError("it serves another staple")
    return SERVED, ""


def reactivate(
    activation: Activation, former: Mapping[str, Fingerprints], noticed: bool, limit: TimeLimit
) -> tuple[str, bool]:
    """After pointing back: make the server take up the ``former`` leaves again, and see what it serves.

    Reloads only where the server may have ``noticed`` the new ones: reloading a configuration whose test just failed
    can end some servers. Returns a sentence for the reader, and whether nothing is left in doubt.
    """
    if noticed and activation.reload:
        try:
            run_command(activation.reload, "activate.reload", limit)
        except HostError as error:
            return f"Reloading after that failed too, so what is served now is not known: {error}", False
    try:
        findings = _probe_all(activation.probes, former, limit)
    except HostError as error:
        return f"That the former leaf is served again could not be confirmed: {error}", False
    return "The former leaf is served, as a probe confirmed." if findings else "", True
