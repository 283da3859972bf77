# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long trusting a root takes, beside ``mkcert -install``: run with ``.venv/bin/python tests/benchmarks/trust.py``.

Both are timed by turns in one container, so that this machine's own trust stays as it is: in the system's store alone,
and in the system's store with an NSS database. Ours is timed inside the module, with its own proof of the outcome and
without Ansible's start; mkcert as a command, with its certificate authority made beforehand. The machine may be busy,
so compare figures of the same run with each other. Needs podman and the laboratory's images.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "localhost/anchorage/trixie:base"
COLLECTION = "/srv/ansible_collections/anchorage/pki"
INSIDE = "--inside"
ROUNDS = 15
PACKAGES = "apt-get update -q && apt-get install -q -y --no-install-recommends mkcert libnss3-tools"

HOME = Path("/root")
DATABASE = HOME / ".pki/nssdb"
AUTHORITY = HOME / "authority"
# mkcert's names of stores are ours.
COMBINATIONS = (("system",), ("system", "nss"))


def main() -> None:
    """Measure, and print medians and ratios."""
    for row in compare():
        report(row["case"], row["stores"], row["anchorage"], row["mkcert"])


def compare() -> list[dict[str, Any]]:
    """Measure in a fresh container: the seconds of each round, of both programs in each case."""
    environment = {**os.environ, "CONTAINERS_CONF": str(ROOT / "tests/lab/containers.conf")}
    script = (
        f"({PACKAGES}) >/tmp/packages.log 2>&1 || cat /tmp/packages.log >&2; "
        f"python3 {COLLECTION}/tests/benchmarks/trust.py"
    )
    command = ["podman", "run", "--rm", f"--volume={ROOT}:{COLLECTION}:ro", IMAGE, "sh", "-c", f"{script} {INSIDE}"]
    return json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout)


def measure() -> list[dict[str, Any]]:
    """Time both programs by turns."""
    make_subjects()
    rows = []
    for stores in COMBINATIONS:
        ours: dict[str, list[float]] = {"changed": [], "unchanged": []}
        theirs: dict[str, list[float]] = {"changed": [], "unchanged": []}
        for _round in range(ROUNDS):
            for seconds, program in ((ours, anchorage), (theirs, mkcert)):
                seconds["changed"].append(program("install", stores))
                seconds["unchanged"].append(program("install", stores))
                program("remove", stores)
        rows += [{"case": case, "stores": stores, "anchorage": ours[case], "mkcert": theirs[case]} for case in ours]
    return rows


def make_subjects() -> None:
    """An NSS database, and a root for either program to trust."""
    DATABASE.mkdir(parents=True)
    run("certutil", "-N", "-d", f"sql:{DATABASE}", "--empty-password")
    mkcert("localhost", ())
    subject, usage = "/CN=Benchmark", "keyUsage=critical,keyCertSign"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null"]
    run("openssl", "req", "-x509", *key, "-subj", subject, "-addext", usage, "-days", "30", "-out", str(AUTHORITY))


def anchorage(operation: str, stores: tuple[str, ...]) -> float:
    """The seconds that the host's half of trust_anchor takes."""
    from ansible_collections.anchorage.pki.plugins.module_utils._trust import engine
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor

    request = Request(operation, Anchor("anchorage-benchmark", AUTHORITY.read_text()), stores)
    outcomes = []
    seconds = clock(lambda: outcomes.extend(engine.apply(request)))
    expected = {"install": "trusted", "remove": "absent"}[operation]
    kinds = {each.kind for each in outcomes if each.state == expected}
    if kinds != set(stores):
        sys.exit(f"{operation} failed: {outcomes}")
    return seconds


def mkcert(operation: str, stores: tuple[str, ...]) -> float:
    """The seconds that mkcert takes."""
    argument = {"install": "-install", "remove": "-uninstall"}.get(operation, operation)
    return clock(lambda: run("mkcert", argument, TRUST_STORES=",".join(stores) or "none"))


def clock(function: Callable[[], None]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def run(*command: str, **environment: str) -> None:
    """Run a command in silence, unless it fails."""
    inherited = {"PATH": os.environ["PATH"], "HOME": str(HOME), "CAROOT": str(HOME / "mkcert")}
    finished = subprocess.run(command, env=inherited | environment, capture_output=True, cwd="/tmp", check=False)
    if finished.returncode:
        sys.exit((finished.stdout + finished.stderr).decode())


def report(case: str, stores: list[str], ours: list[float], theirs: list[float]) -> None:
    """Medians tell what a user sees on this machine today; the best times, what is left when nobody disturbs."""
    for name, pick in (("median", statistics.median), ("best", min)):
        mine, other = pick(ours), pick(theirs)
        times = f"anchorage {mine * 1000:7.1f} ms, mkcert {other * 1000:7.1f} ms, ratio {mine / other:.2f}"
        print(f"{case:9}  {' + '.join(stores):12}  {name:6} of {ROUNDS}:  {times}", flush=True)


if __name__ == "__main__":
    if INSIDE in sys.argv:
        sys.path.insert(0, "/srv")
        print(json.dumps(measure()))
    else:
        main()
