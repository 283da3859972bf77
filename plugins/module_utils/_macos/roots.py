# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roots of a Mac, read again where that may help."""

from __future__ import annotations

import random
import time

from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import Mac, ask
from ansible_collections.anchorage.pki.plugins.module_utils._macos.trust_settings import Trust, domains_for, evaluate

_LARGEST_JITTER = 0.25  # of a pause, so that the hosts of a fleet do not all come back at once


def read_roots(mac: Mac, timeout: float, pauses: tuple[float, ...]) -> tuple[Trust, int]:
    """What the Mac trusts, and the number of attempts that took. Raises HostError where it gives no answer.

    One attempt may take ``timeout`` seconds; before further ones there are ``pauses``, in seconds and a little longer.
    Each attempt has a process of its own: a call that Apple's library gave up goes on in its process, and the next one
    there would wait for it.
    """
    domains = domains_for(mac.version)
    attempts: list[Trust] = []
    while True:
        answers = ask(mac, "read_trust_settings", {"domains": domains}, timeout)
        attempts.append(evaluate(domains, answers))
        worth = max((failure.attempts for failure in attempts[-1].failures), default=1)
        if len(attempts) >= min(worth, 1 + len(pauses)):
            break
        time.sleep(pauses[len(attempts) - 1] * (1 + random.uniform(0, _LARGEST_JITTER)))  # noqa: S311
    return min(attempts, key=_badness), len(attempts)


def _badness(trust: Trust) -> tuple[int, int]:
    """How much is missing: domains first."""
    return sum(failure.whole_domain for failure in trust.failures), len(trust.failures)
