# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What probes add to an unchanged run of leaf_certificate, at a real nginx that serves what is deployed: run with
``.venv/bin/python tests/benchmarks/probes.py``.

First looks alone, each by a Python of its own as on a host, then whole runs of ansible-playbook and the calls to the
host that each made; with the same activation but for its probes, in turns. The machine may be busy, so compare figures
of one run only.
"""

from __future__ import annotations

import json
import os
import re
import resource
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

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, Inquiry, Probe
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.program import read_answer
from ansible_collections.anchorage.pki.tests.unit.look_programs import program
from ansible_collections.anchorage.pki.tests.unit.scratch_nginx import Nginx

LOOK = "_leaf_deployment.look"

ROUNDS = 15
LOOKS = 40
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
            compare_looks(nginx)
            for count in COUNTS:
                compare(bare, write_play(nginx, count), count)
            process.terminate()


def compare_looks(nginx: Nginx) -> None:
    """Look without and with probes in turns, and print what the probes take."""
    found = look(program(LOOK, look_arguments(nginx, Inquiry("app"), 0)))["certificates"][0]
    kept = Inquiry("app", keep=found["leaf_sha256"], keep_chain=found["chain_sha256"])
    texts = {count: program(LOOK, look_arguments(nginx, kept, count)) for count in (0, *COUNTS)}
    seconds: dict[int, list[tuple[float, float]]] = {count: [] for count in texts}
    for _round in range(LOOKS):
        for count, text in texts.items():
            started, before = time.perf_counter(), of_children()
            answer = look(text)
            seconds[count].append((time.perf_counter() - started, of_children() - before))
            if answer["certificates"][0]["unserved"] or len(answer["activation"]["probes"]) != count:
                sys.exit(str(answer))
    medians = {
        count: [statistics.median(each) for each in zip(*taken, strict=True)] for count, taken in seconds.items()
    }
    for count, (wall, work) in medians.items():
        ratios = f"{wall / medians[0][0]:.2f} and {work / medians[0][1]:.2f}"
        print(
            f"look with {count} probes: {wall * 1000:.1f} ms, {work * 1000:.1f} ms of work (ratios {ratios}, "
            f"medians of {LOOKS})",
            flush=True,
        )


def of_children() -> float:
    """The seconds that all ended children have worked."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def look_arguments(nginx: Nginx, inquiry: Inquiry, probes: int) -> dict[str, Any]:
    activation = Activation(reload=("true",), probes=(Probe("app", port=nginx.port),) * probes)
    return {
        "inspect": [encode(inquiry)],
        "activate": encode(activation),
        "destination": str(nginx.folder / "pki"),
        "owner": None,
        "group": None,
        "mode": "0600",
        "server": "nginx",
        "responder_port": 29477,
        "withdrawal": "off",
        "digests": {},
    }


def look(text: str) -> dict[str, Any]:
    """What the program of a look answers."""
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-"], input=text, capture_output=True, text=True, check=True, cwd="/"
    )
    answer: dict[str, Any] = read_answer(run.stdout)["answer"]
    return answer


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
