# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What it takes to ask a responder of another authority about many certificates: run with
``.venv/bin/python tests/benchmarks/fetching.py``.

The responder takes 20 ms for each answer. Asking it about one certificate after the other takes at least that for each;
the goal is a sixth of what that takes in fact. The machine may be busy, so compare figures of one run only.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / "build" / "collections"
sys.path.insert(0, str(COLLECTIONS))

from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.client import AT_ONCE, fetch, fetch_all
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer, Question
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.system import System
from ansible_collections.anchorage.pki.tests.unit.ocsp_responder import Reply, responder

QUESTIONS = 1000
DELAY = 0.02
GOAL = 1 / 6
DIRECT = System(proxies=dict)


def main() -> None:
    """Measure and print."""
    with responder(Reply(delay=DELAY)) as running:
        questions = [Question(str(number), f"{running.url}/ocsp", b"x" * 80, True) for number in range(QUESTIONS)]
        started = time.perf_counter()
        check([fetch(question, DIRECT) for question in questions])
        one_by_one = time.perf_counter() - started
        started = time.perf_counter()
        check(fetch_all(questions, DIRECT))
        together = time.perf_counter() - started
        connections = running.connections
    ratio = together / one_by_one
    print(
        f"{QUESTIONS} fetches at {DELAY * 1000:.0f} ms: {one_by_one:.2f} s one by one, {together:.2f} s {AT_ONCE} at a "
        f"time (ratio {ratio:.3f}, goal {GOAL:.3f}), {connections / 2 / QUESTIONS:.2f} connections each"
    )


def check(answers: list[Answer]) -> None:
    """End unless all were answered."""
    failed = [answer for answer in answers if answer.failure]
    if failed:
        sys.exit(f"{len(failed)} failed, such as {failed[0]}")


if __name__ == "__main__":
    main()
