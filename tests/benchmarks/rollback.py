# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a rollback takes beside the activation that it undoes, with a real nginx: run with
``.venv/bin/python tests/benchmarks/rollback.py``.

Both are whole deployments by the host's half, in turns: one that succeeds, and some that fail at a step and end when
the former leaf is served again. The machine may be busy, so compare figures of one run only; a ratio should stay
below 3.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "build" / "collections"))

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation
from ansible_collections.anchorage.pki.tests.unit.leaves import delivery, make_leaf
from ansible_collections.anchorage.pki.tests.unit.scratch_nginx import Nginx, running_nginx

ROUNDS = 15


def main() -> None:
    """Measure and print."""
    # Below /tmp, where everybody may write, root keeps no private key.
    scratch = tempfile.TemporaryDirectory(prefix=".anchorage-benchmark-", dir=Path.home())
    with scratch as folder, running_nginx(Path(folder), make_leaf()) as nginx:
        compare(nginx, faults(nginx))


def faults(nginx: Nginx) -> dict[str, Activation]:
    """Activations that fail, by what fails."""
    reload = " ".join(nginx.activation.reload)
    # The trap tells the first reload, which fails, from that of the rollback.
    trap = nginx.folder / "trap"
    return {
        "the configuration test fails": replace(nginx.activation, test=("false",)),
        "the reload fails": failing_once(nginx, f"mkdir {trap} && exit 1; rmdir {trap}; {reload}"),
        "the reload fails after nginx took the new leaf": failing_once(
            nginx, f"mkdir {trap} && {reload} && exit 1; rmdir {trap}; {reload}"
        ),
    }


def failing_once(nginx: Nginx, script: str) -> Activation:
    """The activation with a script in the place of the reload."""
    return replace(nginx.activation, reload=("sh", "-c", script))


def compare(nginx: Nginx, activations: dict[str, Activation]) -> None:
    """Deploy and fail to deploy by turns, and print what each takes."""
    activated: list[float] = []
    rolled_back: dict[str, list[float]] = {fault: [] for fault in activations}
    for generation in range(1, ROUNDS + 1):
        leaf = make_leaf()
        wanted = delivery(leaf, generation)
        activated.append(clock(partial(deploy, nginx.destination, [wanted], nginx.activation)))
        nginx.wait_for(leaf.der, leaf.staple)
        for fault, activation in activations.items():
            rolled_back[fault].append(clock(partial(fail, nginx, activation, generation + 1)))
            nginx.wait_for(leaf.der, leaf.staple)
    yardstick = statistics.median(activated)
    print(f"an activation: {yardstick * 1000:.0f} ms (medians of {ROUNDS})")
    for fault, seconds in rolled_back.items():
        taken = statistics.median(seconds)
        print(f"rolled back since {fault}: {taken * 1000:.0f} ms, ratio {taken / yardstick:.2f}")


def fail(nginx: Nginx, activation: Activation, generation: int) -> None:
    """A deployment that has to be rolled back."""
    try:
        deploy(nginx.destination, [delivery(make_leaf(), generation)], activation)
    except HostError as error:
        if "The former leaf is served, as a probe confirmed." in str(error):
            return
        raise
    sys.exit("A deployment that had to fail succeeded.")


def clock(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
