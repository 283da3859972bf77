# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What probes add to an unchanged run of leaf_certificate, at a real nginx that serves what is deployed: run with
``.venv/bin/python tests/benchmarks/probes.py``.

Whole runs of ansible-playbook, with the same activation but for its probes, in turns, and the calls to the host that
each made. The machine may be busy, so compare figures of one run only.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / "build" / "collections"
sys.path.insert(0, str(COLLECTIONS))

from ansible_collections.anchorage.pki.tests.unit.scratch_nginx import Nginx

ROUNDS = 15
COUNTS = (1, 4)


def main() -> None:
    """Measure and print."""
    # Below /tmp, where everybody may write, root keeps no private key.
    with tempfile.TemporaryDirectory(prefix=".anchorage-benchmark-", dir=Path.home()) as scratch:
        nginx = Nginx(Path(scratch))
        bare = write_play(nginx, 0)
        run(bare)
        with subprocess.Popen(nginx.command, stdin=subprocess.DEVNULL) as process:
            time.sleep(1)
            for count in COUNTS:
                compare(bare, write_play(nginx, count), count)
            process.terminate()


def write_play(nginx: Nginx, probes: int) -> Path:
    """A playbook with one leaf that nginx serves, looked at by so many probes."""
    leaf: dict[str, Any] = {
        "authority": str(nginx.folder / "authority"),
        "destination": str(nginx.folder / "pki"),
        "name": "app",
        "names": ["app.test"],
        "server": "nginx",
        "activate": {"reload": ["true"], "probes": [{"port": nginx.port}] * probes},
    }
    tasks = [
        {"anchorage.pki.certificate_authority": {"authority": leaf["authority"]}},
        {"anchorage.pki.leaf_certificate": leaf},
    ]
    playbook = nginx.folder / f"play-{probes}.json"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    return playbook


def compare(bare: Path, probed: Path, count: int) -> None:
    """Run both in turns, and print what the second takes beside the first."""
    seconds: dict[Path, list[float]] = {bare: [], probed: []}
    calls = {}
    for _round in range(ROUNDS):
        for playbook, taken in seconds.items():
            started = time.perf_counter()
            output = run(playbook)
            taken.append(time.perf_counter() - started)
            calls[playbook] = len(re.findall(r"Using module file .*leaf_deployment", output))
            if not re.search(r"changed=0 ", output):
                sys.exit(output)
    without, with_probes = (statistics.median(seconds[playbook]) for playbook in (bare, probed))
    print(
        f"unchanged run without probes: {without:.3f} s, {calls[bare]} call; with {count}: {with_probes:.3f} s, "
        f"{calls[probed]} call (ratio {with_probes / without:.3f}, medians of {ROUNDS})",
        flush=True,
    )


def run(playbook: Path) -> str:
    """The verbose output of a run of ansible-playbook."""
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_LOCALHOST_WARNING": "false"}
    command = [Path(sys.executable).with_name("ansible-playbook"), "-vvv", playbook]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if finished.returncode:
        sys.exit(finished.stdout + finished.stderr)
    return finished.stdout


if __name__ == "__main__":
    main()
