# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a server use what was deployed: configuration test, reload, and probes of what it then serves."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activation_commands import (
    TimeLimit,
    find_program,
    run_command,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.awaiting import NotServedError, probe_all
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import Fingerprints
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, ActivationOutcome

# Seconds to see that the former leaf is served again, which was served a moment ago.
_CONFIRMATION = 5.0


class ReloadedError(HostError):
    """The activation failed at a point where the server may already serve the new leaf.

    ``not_served`` names the leaf that a probe did not see in time, "" where something else failed.
    """

    def __init__(self, message: str, not_served: str = "") -> None:
        super().__init__(message)
        self.not_served = not_served


def check_commands(activation: Activation) -> None:
    """Raise HostError where there is no such program, while nothing has been changed yet."""
    for option, command in (("activate.test", activation.test), ("activate.reload", activation.reload)):
        if command:
            find_program(command, option)


def activate(activation: Activation, expected: Mapping[str, Fingerprints], limit: TimeLimit) -> ActivationOutcome:
    """Test, reload and probe until every probe sees what is ``expected`` of its certificate.

    Raises HostError while the server cannot have noticed anything, ReloadedError afterwards.
    """
    if activation.test:
        run_command(activation.test, "activate.test", limit)
    try:
        if activation.reload:
            run_command(activation.reload, "activate.reload", limit)
        findings = probe_all(activation.probes, expected, limit)
        if reason := limit.interruption():
            raise HostError(f"The activation was stopped: {reason}.")
    except NotServedError as error:
        raise ReloadedError(str(error), error.certificate) from error
    except HostError as error:
        raise ReloadedError(str(error)) from error
    return ActivationOutcome(bool(activation.test), bool(activation.reload), findings)


def reactivate(
    activation: Activation, former: Mapping[str, Fingerprints], noticed: bool, limit: TimeLimit
) -> tuple[str, bool]:
    """After the pointers were set back: make the server use the ``former`` leaves again, and see what it serves.

    Reloads only where the server may have ``noticed`` the new ones: reloading a configuration whose test just failed
    can end some servers. Returns a sentence for the reader, and whether nothing is left in doubt.
    """
    if noticed and activation.reload:
        try:
            run_command(activation.reload, "activate.reload", limit)
        except HostError as error:
            return f"Reloading after that failed too, so what is served now is not known: {error}", False
    try:
        findings = probe_all(activation.probes, former, TimeLimit(min(activation.timeout, _CONFIRMATION)))
    except HostError as error:
        return f"Could not confirm that the former leaf is served again: {error}", False
    return "The former leaf is served, as a probe confirmed." if findings else "", True
