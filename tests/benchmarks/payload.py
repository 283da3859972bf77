# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an unchanged run sends to a host, and how long it takes there, in checkouts of this project: run with
``.venv/bin/python tests/benchmarks/payload.py BEFORE AFTER``, the paths of two checkouts.

What is sent is what the host's Python got on its input in real tasks that change nothing, arguments included: a
module, or a program that looks. So it does not matter how a checkout's halves talk to each other. The host is this
machine, whose trust stores are read, and a leaf in a folder of the benchmark's own. The runs take turns; the machine
may be busy, so compare figures of one run only.
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
TASKS = ("trust_anchor_info", "leaf_certificate", "native_roots_info")
# Keeps what it gets on its input, beside how it was called, and does what Python does with it.
KEEPER = """\
#!{python}
import os, subprocess, sys
sent = sys.stdin.buffer.read()
number = len(os.listdir({folder!r})) // 2
with open(f"{folder}/{{number}}.input", "wb") as file:
    file.write(sent)
with open(f"{folder}/{{number}}.options", "w") as file:
    file.write("\\n".join(sys.argv[1:]))
sys.exit(subprocess.run([{python!r}, *sys.argv[1:]], input=sent).returncode)
"""


@dataclass
class Payload:
    """What is sent for one task, and the seconds of each of its runs."""

    sent: bytes
    options: list[str]
    seconds: list[float] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.sent)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def run(self) -> None:
        started = time.perf_counter()
        finished = subprocess.run([sys.executable, *self.options], input=self.sent, capture_output=True, check=False)
        self.seconds.append(time.perf_counter() - started)
        if finished.returncode or b'"changed": false' not in finished.stdout:
            sys.exit(f"a task did not run unchanged: {finished.stdout!r} {finished.stderr!r}")


def main(checkouts: list[Path]) -> None:
    """Measure the checkouts in turns, and print what the last one has beside the first one."""
    # Below /tmp, where everybody may write, root keeps no private key.
    folder = Path(tempfile.mkdtemp(prefix=".anchorage-benchmark-", dir=Path.home()))
    try:
        payloads = [build(checkout, folder / str(number)) for number, checkout in enumerate(checkouts)]
        for task in TASKS:
            for _round in range(ROUNDS):
                for built in payloads:
                    built[task].run()
            for checkout, built in zip(checkouts, payloads, strict=True):
                compare(f"{task} of {checkout}", built[task], payloads[0][task])
    finally:
        shutil.rmtree(folder)


def build(checkout: Path, folder: Path) -> dict[str, Payload]:
    """Deploy a leaf with a checkout, and return what a run sends that changes nothing any more."""
    collection = folder / "collections" / "ansible_collections" / "anchorage" / "pki"
    collection.parent.mkdir(parents=True)
    collection.symlink_to(checkout.resolve())
    sent = folder / "sent"
    sent.mkdir()
    keeper = folder / "python"
    keeper.write_text(KEEPER.format(python=sys.executable, folder=str(sent)))
    keeper.chmod(0o755)
    authority = {"authority": str(folder / "authority")}
    leaf = {**authority, "name": "app", "names": ["app.test"], "destination": str(folder / "leaves")}
    deploy = {"anchorage.pki.leaf_certificate": leaf}
    play(folder, sys.executable, {"anchorage.pki.certificate_authority": authority}, deploy)
    info = {"anchorage.pki.trust_anchor_info": authority}
    play(folder, str(keeper), info, deploy, {"anchorage.pki.native_roots_info": {}})
    return {task: kept(sent / str(number)) for number, task in enumerate(TASKS)}


def kept(path: Path) -> Payload:
    """What the keeper kept of one task."""
    return Payload(path.with_suffix(".input").read_bytes(), path.with_suffix(".options").read_text().split())


def play(folder: Path, python: str, *tasks: dict[str, Any]) -> None:
    """Run tasks on this machine, by that Python."""
    playbook = folder / "play.json"
    variables = {"ansible_python_interpreter": python}
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}]))
    settings = {
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_PIPELINING": "true",
    }
    command = [Path(sys.executable).with_name("ansible-playbook"), playbook]
    finished = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
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
