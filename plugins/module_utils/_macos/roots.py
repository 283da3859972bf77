# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roots of a Mac, read again where that may help."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._macos.attempts import answers_of
from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import Mac, ask
from ansible_collections.anchorage.pki.plugins.module_utils._macos.trust_settings import Trust, domains_for, evaluate


def read_roots(mac: Mac, timeout: float, pauses: tuple[float, ...]) -> tuple[Trust, int]:
    """What the Mac trusts, and the number of attempts that took. Raises HostError where it gives no answer.

    One attempt may take ``timeout`` seconds; before further ones there are ``pauses``, in seconds and a little longer.
    """
    domains = domains_for(mac.version)

    def attempt() -> Trust:
        return evaluate(domains, ask(mac, "read_trust_settings", {"domains": domains}, timeout))

    attempts = answers_of(attempt, _worth, pauses)
    return min(attempts, key=_badness), len(attempts)


def _worth(trust: Trust) -> int:
    return max((failure.attempts for failure in trust.failures), default=1)


def _badness(trust: Trust) -> tuple[int, int]:
    """How much is missing: domains first."""
    return sum(failure.whole_domain for failure in trust.failures), len(trust.failures)
