# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible sends to a host for each host half, and how long an unchanged run of it takes there, in checkouts of
this project: run with ``.venv/bin/python tests/benchmarks/payload.py BEFORE AFTER``, the paths of two checkouts.

The payloads are those that ansible-core made for real tasks that change nothing, arguments included, so that it does
not matter how a checkout's halves talk to each other. The host is this machine, whose trust stores are read, and a leaf
in a folder of the benchmark's own. The runs take turns; the machine may be busy, so compare figures of one run only.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROUNDS = 15
MODULES = ("anchor_deployment", "leaf_deployment", "native_roots_info")


@dataclass
class Payload:
    """What is sent for one module, and the seconds of each of its runs."""

    path: Path
    seconds: list[float] = field(default_factory=list)

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def run(self) -> None:
        started = time.perf_counter()
        finished = subprocess.run([sys.executable, self.path], capture_output=True, text=True, check=False)
        self.seconds.append(time.perf_counter() - started)
        result = json.loads(finished.stdout)
        if result.get("failed") or result.get("changed"):
            sys.exit(f"{self.path.name} did not run unchanged: {finished.stdout}")


def main(checkouts: list[Path]) -> None:
    """Measure the checkouts in turns, and print what the last one has beside the first one."""
    # Below /tmp, where everybody may write, root keeps no private key.
    folder = Path(tempfile.mkdtemp(prefix=".anchorage-benchmark-", dir=Path.home()))
    try:
        payloads = [build(checkout, folder / str(number)) for number, checkout in enumerate(checkouts)]
        for module in MODULES:
            for _round in range(ROUNDS):
                for built in payloads:
                    built[module].run()
            for checkout, built in zip(checkouts, payloads, strict=True):
                compare(f"{module} of {checkout}", built[module], payloads[0][module])
    finally:
        shutil.rmtree(folder)


def build(checkout: Path, folder: Path) -> dict[str, Payload]:
    """Deploy a leaf with a checkout, and return what a run sends that changes nothing any more."""
    collection = folder / "collections" / "ansible_collections" / "anchorage" / "pki"
    collection.parent.mkdir(parents=True)
    collection.symlink_to(checkout.resolve())
    authority = {"authority": str(folder / "authority")}
    leaf = {**authority, "name": "app", "names": ["app.test"], "destination": str(folder / "leaves")}
    deploy = {"anchorage.pki.leaf_certificate": leaf}
    play(folder, {"anchorage.pki.certificate_authority": authority}, deploy)
    play(
        folder,
        deploy,
        {"anchorage.pki.trust_anchor_info": authority},
        {"anchorage.pki.native_roots_info": {}},
        ANSIBLE_KEEP_REMOTE_FILES="true",
    )
    return {module: Payload(next(folder.glob(f"sent/*/AnsiballZ_{module}.py"))) for module in MODULES}


def play(folder: Path, *tasks: dict[str, Any], **environment: str) -> None:
    """Run tasks on this machine."""
    playbook = folder / "play.json"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    settings = {
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_REMOTE_TMP": str(folder / "sent"),
    }
    command = [Path(sys.executable).with_name("ansible-playbook"), playbook]
    finished = subprocess.run(
        command, env=os.environ | settings | environment, capture_output=True, text=True, check=False
    )
    if finished.returncode:
        sys.exit(finished.stdout + finished.stderr)


def compare(title: str, payload: Payload, first: Payload) -> None:
    milliseconds = payload.median * 1000
    print(
        f"{title}: {payload.size} bytes (ratio {payload.size / first.size:.3f}), "
        f"median of {ROUNDS} unchanged runs {milliseconds:.0f} ms (ratio {payload.median / first.median:.3f})",
        flush=True,
    )


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
