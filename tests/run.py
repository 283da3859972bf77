# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the project's tests and checks, one step after the other, and say at the end how each went.

Usage: ``run.py [--ansible-core VERSION] [--images KIND] [PART ...]``, the parts being those of the Makefile; without
any, all of them but ``distribution`` and ``core-foundation``. What runs on the oldest and on the newest ansible-core,
runs on that of the option instead. The scenarios of molecule run on images that need no container registry, ``shaped``
like other platforms, or with ``real`` on the distributions' own.
A failing step does not stop the following ones. A step that the machine cannot run is reported as skipped, with the
reason. The exit status is 1 if any step failed, or if all of a part that was asked for were skipped.

Checks run side by side, and so do scenarios, and the output of each is printed as a whole when it ends.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import ends
import side_by_side
import steps
from lab import images
from programs import BUILD, Failed, Skipped

#: How many characters of a line the end of the output repeats.
LONGEST_COMPLAINT = 500


@dataclass(frozen=True)
class Result:
    """How a step went: passed, failed or skipped; a remark for the reader; its duration in seconds; what was wrong."""

    step: str
    outcome: str
    remark: str
    seconds: float
    complaints: tuple[str, ...] = ()


def run_step(name: str, action: Callable[[], str | None]) -> Result:
    """Run one step, whatever comes of it."""
    print(f"\n=== {name}", flush=True)
    start = time.monotonic()
    complaints: tuple[str, ...] = ()
    try:
        outcome, remark = "passed", action() or ""
    except Skipped as reason:
        outcome, remark = "skipped", str(reason)
        print(f"SKIPPED: {name}: {reason}", flush=True)
    except Failed as reason:
        outcome, remark, complaints = "failed", str(reason), reason.complaints
    return Result(name, outcome, remark, time.monotonic() - start, complaints)


def run_steps(wanted: Iterable[steps.Step]) -> Iterator[list[Result]]:
    """Run the steps in their order, and neighbours that may run side by side so."""
    for together, group in itertools.groupby(wanted, key=lambda step: step.together):
        tasks = {step.name: functools.partial(run_step, step.name, step.action) for step in group}
        if together:
            yield side_by_side.run(tasks, BUILD / "output", broken)
        else:
            yield [task() for task in tasks.values()]


def broken(name: str, seconds: float) -> Result:
    """The result of a step whose process ended without one."""
    return Result(name, "failed", "its process ended unexpectedly", seconds)


def summarize(results: Iterable[Result]) -> str:
    """The end of the output: what was wrong in each step, one line for each, and their count."""
    results = list(results)
    lines: list[str] = []
    for result in results:
        if result.complaints:
            lines += [f"\n=== Wrong in {result.step}", *(line[:LONGEST_COMPLAINT] for line in result.complaints)]
    lines.append("\n=== Summary")
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for result in results:
        count[result.outcome] += 1
        remark = f"  {result.remark}" if result.remark else ""
        lines.append(f"{result.outcome.upper():8} {result.seconds:6.1f} s  {result.step}{remark}")
    lines.append(", ".join(f"{number} {outcome}" for outcome, number in count.items()))
    return "\n".join(lines)


def wanted_steps(arguments: list[str]) -> list[steps.Step]:
    """The steps that the command line asks for."""
    wanted = parsed(arguments)
    chosen = (ends.ANSIBLE_CORES[wanted.ansible_core],) if wanted.ansible_core else ends.ENDS
    return [
        step for step in steps.all_steps(chosen, wanted.images) if set(wanted.parts or steps.PARTS) & set(step.parts)
    ]


def parsed(arguments: list[str]) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="run.py")
    parser.add_argument("--ansible-core", choices=ends.ANSIBLE_CORES)
    parser.add_argument("--images", choices=images.KINDS, default=images.SHAPED)
    parser.add_argument("parts", nargs="*", metavar="PART")
    wanted = parser.parse_args(arguments)
    known = (*steps.PARTS, *steps.PARTS_ON_REQUEST)
    unknown = sorted(set(wanted.parts) - set(known))
    if unknown:
        sys.exit(f"There is no part {', '.join(unknown)}: choose from {', '.join(known)}.")
    return wanted


def main(arguments: list[str]) -> int:
    """Run the wanted parts; return the exit status."""
    wanted = wanted_steps(arguments)
    results = list(itertools.chain.from_iterable(run_steps(wanted)))
    print(summarize(results), flush=True)
    missed = [part for part in parsed(arguments).parts if is_missed(part, wanted, results)]
    for part in missed:
        print(f"Nothing of {part} could be run on this machine, as said above.", flush=True)
    return int(any(result.outcome == "failed" for result in results) or bool(missed))


def is_missed(part: str, wanted: Iterable[steps.Step], results: Iterable[Result]) -> bool:
    """Whether nothing of a part was run: who asked for it, as a workflow does, would take that for a success."""
    own = [
        result
        for step, result in zip(wanted, results, strict=True)
        if part in step.parts and not step.name.startswith(steps.SET_UP)
    ]
    return all(result.outcome == "skipped" for result in own)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
