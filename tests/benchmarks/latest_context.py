# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service's context under renewals and eight threads: its handshakes, its memory, and what a handshake pays for it.

Run in ``tests/``, with the collections on the path: ``python -m benchmarks.latest_context [SECONDS] [RENEWALS]``.
"""

from __future__ import annotations

import resource
import ssl
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils.latest_context import LatestContext
from ansible_collections.anchorage.pki.tests.unit.leaves import deploy_leaf, destination_at, make_leaf
from ansible_collections.anchorage.pki.tests.unit.plugins.module_utils.test_latest_context import (
    client_context,
    handshake,
)
from ansible_collections.anchorage.pki.tests.unit.processes import fork

THREADS = 8


def main(seconds: float = 60, renewals: int = 200) -> None:
    """Print what came of it; any handshake that fails ends it."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        leaves = [make_leaf() for _each in range(renewals + 1)]
        destination = destination_at(Path(folder))
        deploy_leaf(destination, leaves[0])
        front = LatestContext(Path(folder) / "app").for_server()

        def renew(_number: int) -> None:
            for generation, leaf in enumerate(leaves[1:], 1):
                deploy_leaf(destination, leaf, generation)
                time.sleep(seconds / renewals)

        writer = fork(renew, 0)

        def shake_hands() -> Counter[str]:
            client, seen = client_context(), Counter[str]()
            while writer.is_alive():
                seen[handshake(front, client)] += 1
            return seen

        with ThreadPoolExecutor(THREADS) as threads:
            runs = [threads.submit(shake_hands) for _each in range(THREADS)]
            time.sleep(seconds / 4)  # by then, everything was loaded once
            memory = peak_memory()
        seen = sum((run.result() for run in runs), Counter[str]())
        assert set(seen) <= {leaf.certificate for leaf in leaves}
        print(f"{seen.total()} handshakes with {len(seen)} of {renewals + 1} certificates, none refused")
        print(f"in the last three quarters, the peak of memory grew by {peak_memory() - memory} of {memory} KiB")
        fixed = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        fixed.load_cert_chain(Path(folder, "app/current/combined.pem"))
        print(f"a handshake takes {rate(fixed) / rate(front):.2f} times as long as one with a fixed context")


def peak_memory() -> int:
    """In KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def rate(context: ssl.SSLContext) -> float:
    """Handshakes in a second."""
    client, end, count = client_context(), time.monotonic() + 1, 0
    while time.monotonic() < end:
        handshake(context, client)
        count += 1
    return count


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]), *map(int, sys.argv[2:3]))
