# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection costs on a fleet, beside what people use today. ``make bench`` measures, writes every round's
figures to docs/bench.json, and then what report.py makes from that file alone.

Whole processes of ansible-playbook are compared, with the same hosts, the same ansible.cfg and the same variables, in
rounds whose order is rotated. The hosts are containers on this very machine: compare figures of one run only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import ledger, trust
from benchmarks.fleet import report, rounds
from benchmarks.fleet.sides import ROOT, sides
from lab import machine as laboratory_machine

#: Of the file of figures.
SCHEMA = 1


def prepare(all_images: bool) -> None:
    """Build the images, and fetch the collection that the recipe uses."""
    images = [] if all_images else ["bookworm:fleet"]
    for program in (["build_images.py", *images], ["fetch_collections.py", str(ROOT / "build" / "collections")]):
        command = [sys.executable, f"tests/lab/{program[0]}", *program[1:]]
        subprocess.run(command, env=laboratory_machine.test_environment(), cwd=ROOT, check=True)


def machine() -> dict[str, Any]:
    """The machine in general words."""
    collection = ROOT / "build/collections/ansible_collections/community/crypto/MANIFEST.json"
    recipe = json.loads(collection.read_text(encoding="utf-8"))["collection_info"]["version"]
    return {
        "cores": os.cpu_count(),
        "kernel": platform.release().split(".")[0],
        "python": platform.python_version(),
        "ansible-core": version("ansible-core"),
        "cryptography": version("cryptography"),
        "community.crypto": recipe,
    }


def arguments_of(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.fleet", description="Measure the collection on a fleet.")
    parser.add_argument("--hosts", type=int, default=50, help="how many hosts are compared on (default: 50)")
    parser.add_argument("--forks", type=int, default=25, help="how many forks ansible-playbook has (default: 25)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is run (default: 5)")
    parser.add_argument("--growth", type=int, nargs="+", default=[10, 50, 200], help="sizes of growing fleets")
    parser.add_argument("--before", type=Path, help="another checkout of this project, as one more side")
    parser.add_argument("--small", action="store_true", help="leave out all growth")
    parser.add_argument("--mkcert", action="store_true", help="compare with mkcert, from Debian, in a container")
    parser.add_argument("--output", type=Path, default=report.FIGURES, help="where the figures go")
    wanted = parser.parse_args(words)
    if wanted.before and not (wanted.before / "build" / "collections").is_dir():
        parser.error(f"{wanted.before} is no checkout that is set up: run make venv there")
    return wanted


def as_text(figures: dict[str, Any]) -> str:
    """The file of figures, each row in a line."""
    parts = []
    for name, value in figures.items():
        rows = ",\n  ".join(json.dumps(row) for row in value) if isinstance(value, list) else ""
        parts.append(f"{json.dumps(name)}: " + (f"[\n  {rows}\n ]" if rows else json.dumps(value)))
    return "{\n " + ",\n ".join(parts) + "\n}\n"


def main(words: list[str]) -> None:
    """Measure, and write the figures and the report."""
    wanted = arguments_of(words)
    prepare(wanted.mkcert)
    compared = sides(wanted.before)
    grown = [side for side in compared if side.name in ("anchorage", "ping")]
    rows, calls = rounds.compare(compared, wanted.hosts, wanted.forks, wanted.rounds)
    figures: dict[str, Any] = {
        "schema": SCHEMA,
        "date": datetime.now(timezone.utc).date().isoformat(),
        "machine": machine(),
        "settings": {"hosts": wanted.hosts, "forks": wanted.forks, "rounds": wanted.rounds},
        "runs": rows,
        "calls": calls,
        "growth": [] if wanted.small else rounds.grow(grown, wanted.growth, wanted.forks, wanted.rounds),
        "ledger": [] if wanted.small else ledger.measure_growth(),
        "mkcert": trust.compare() if wanted.mkcert else [],
    }
    wanted.output.write_text(as_text(figures), encoding="utf-8")
    print(f"Written: {wanted.output}")
    if wanted.output == report.FIGURES:
        report.write(figures)


if __name__ == "__main__":
    main(sys.argv[1:])
