# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a ledger costs that has grown: the memory of the largest process of an unchanged run of ``anchorage.pki.site``
on one host, and the seconds of what is asked of the ledger for one host. Part of ``make bench``; alone, in ``tests/``,
``python -m benchmarks.ledger``.
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import datetime, timedelta, timezone
from typing import Any

from benchmarks.fleet import rounds
from benchmarks.fleet.sides import ROOT, measure, problem, side_folder, sides

sys.path.insert(0, str(ROOT / "build" / "collections"))

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority import sql
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import Ledger, open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace

SIZES = (100, 100_000)
ROUNDS = 5
QUERIES = 50
#: About as large as a leaf's certificate, and a staple.
CERTIFICATE = bytes(700)
NOW = datetime.now(timezone.utc)


def main() -> None:
    """Measure and print."""
    for row in measure_growth():
        memory, query = statistics.median(row["peak_memory"]), statistics.median(row["query"])
        print(f"{row['certificates']} certificates: {memory:.1f} MiB, {query * 1e6:.0f} µs for one host", flush=True)


def measure_growth() -> list[dict[str, Any]]:
    """The figures of each round, with a ledger of each size."""
    rows: list[dict[str, Any]] = []
    ours = sides()[0]
    with rounds.running_fleet(1) as fleet:
        path = side_folder(ours, fleet) / "authority" / "ledger.sqlite3"
        path.parent.parent.mkdir(mode=0o700)
        rounds.run(ours, "cold", fleet, fleet.hosts, 1)
        filled = 0
        for size in SIZES:
            with open_ledger(path) as ledger:
                fill(ledger, filled, size)
                filled = size
                queries = [ask(ledger, f"web{number}") for number in range(QUERIES)]
            runs = [measure(ours, fleet, fleet.hosts, 1) for _round in range(ROUNDS)]
            if any(problem(run, fleet.hosts, "unchanged") for run in runs):
                sys.exit(f"With {size} certificates, a run did not end well, or changed something.")
            rows.append(
                {"certificates": size, "peak_memory": [run.costs["peak_memory"] for run in runs], "query": queries}
            )
    return rows


def fill(ledger: Ledger, first: int, end: int) -> None:
    """Enter leaves and staples in use of other hosts, with bytes in the place of certificates, which nobody reads."""
    now, later = int(NOW.timestamp()), int((NOW + timedelta(days=90)).timestamp())
    place = ("/etc/pki/anchorage", "site", "[]", "controller", now, later, CERTIFICATE)
    numbers = [(number, f"{number:064x}") for number in range(first, end)]
    with ledger.transaction():
        ledger._connection.executemany(
            sql.INSERT_CERTIFICATE,
            ((sha256, f"{number:x}", "leaf", "", f"web{number}", *place) for number, sha256 in numbers),
        )
        ledger._connection.executemany(
            sql.INSERT_STAPLE, ((sha256, sha256, now, later, later, CERTIFICATE) for _number, sha256 in numbers)
        )
        ledger._connection.execute("UPDATE certificates SET status = 'deployed' WHERE kind = 'leaf'")
        ledger._connection.execute("UPDATE staples SET in_use = 1")


def ask(ledger: Ledger, host: str) -> float:
    """The seconds that it takes to ask for all that a host has."""
    started = time.perf_counter()
    places = ledger.places(host)
    staples = ledger.staples_in_use(host)
    seconds = time.perf_counter() - started
    expected = {LeafPlace(host, "/etc/pki/anchorage", "site")}
    if set(places) != expected or set(staples) != expected:
        sys.exit(f"The ledger knows of {places} on {host}.")
    return seconds


if __name__ == "__main__":
    main()
