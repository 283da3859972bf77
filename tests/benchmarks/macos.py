# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roots of a Mac cost: run with ``.venv/bin/python tests/benchmarks/macos.py``, which needs a C compiler.

The Mac is the double of Apple's libraries, with 200 certificates; Apple's own take longer, by what their services take.
Prints medians of pairs that are measured in turn in one run: a read in a process of its own beside an empty Python, and
the look-ups of a play beside those of the same play with as many roots in a file, as Linux has them.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / "build" / "collections"
sys.path.insert(0, str(COLLECTIONS))

from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import Mac, ask
from ansible_collections.anchorage.pki.plugins.module_utils._macos.trust_settings import domains_for
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import to_pem
from ansible_collections.anchorage.pki.tests.macos_double.double import ALWAYS, DoubledMac
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root

CERTIFICATES = 200
ROUNDS = 31
PLAYS = 7
HOSTS, FORKS, TASKS = 20, 10, 3
MOST_FOR_A_READ = 3.0  # of an empty Python
MOST_FOR_A_PLAY = 1.2  # of the same play with a file

# A lookup as the collection's own, of another Mac where there is one, which notes how long it took.
TIMED = """
import functools, json, os, time
from pathlib import Path
from ansible import constants
from ansible.plugins.lookup import LookupBase
from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import Mac
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import load
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.cache import NativeRootsCache
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.views import view_of

class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        started = time.perf_counter()
        version, *libraries = json.loads(os.environ.get("MAC", "[[]]"))
        of_mac = functools.partial(load, platform="darwin", mac=Mac(tuple(version), *libraries))
        chosen = of_mac if libraries else load
        cache = NativeRootsCache(Path(constants.DEFAULT_LOCAL_TMP), "platform", os.environ, chosen)
        rows = view_of(cache, cache.state(False), "certificates", None)
        with open(os.environ["TIMES"], "a") as file:
            print(time.perf_counter() - started, file=file)
        return [len(rows)]
"""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as name:
        folder = Path(name)
        ders = [der_of(make_root(f"Root {number}")) for number in range(CERTIFICATES)]
        double = DoubledMac(folder / "mac")
        for number, der in enumerate(ders):
            domain, settings = ("system", ()) if number % 4 else ("admin", ALWAYS)
            double.trust(domain, der, *settings)
        (folder / "roots.pem").write_text("".join(map(to_pem, ders)))
        measure_read(double.mac(15))
        measure_plays(folder, double.mac(15))


def measure_read(mac: Mac) -> None:
    """A read of all domains beside a Python that does nothing."""

    def read() -> None:
        answers = ask(mac, "read_trust_settings", {"domains": domains_for(mac.version)}, timeout=60.0)
        assert sum(len(answer["certificates"]) for answer in answers) == CERTIFICATES

    def start() -> None:
        subprocess.run([sys.executable, "-I", "-"], input=b"", check=True)

    pairs = [(children_seconds(start), children_seconds(read)) for _round in range(ROUNDS)]
    print_pairs(f"processor, a read of {CERTIFICATES} certificates beside an empty Python", pairs, MOST_FOR_A_READ)
    pairs = [(seconds(start), seconds(read)) for _round in range(ROUNDS)]
    print_pairs("clock, the same with what the caller does", pairs, None)


def measure_plays(folder: Path, mac: Mac) -> None:
    """The look-ups of a play on a Mac beside those with a file."""
    (folder / "lookup_plugins").mkdir()
    (folder / "lookup_plugins" / "timed.py").write_text(TIMED)
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"debug": {"msg": "{{ query('timed') }}"}}] * TASKS}
    (folder / "play.json").write_text(json.dumps([play]))
    variables = {"SSL_CERT_FILE": str(folder / "roots.pem")}, {"MAC": json.dumps(mac)}
    plays = [tuple(run_play(folder, each) for each in variables) for _play in range(PLAYS)]
    whole = [(linux[0], apple[0]) for linux, apple in plays]
    print_pairs(f"clock, a play of {HOSTS * TASKS} look-ups beside the same with a file", whole, MOST_FOR_A_PLAY)
    print_pairs("clock, its look-ups alone, in all workers", [(linux[1], apple[1]) for linux, apple in plays], None)
    print_pairs("clock, its median look-up", [(linux[2], apple[2]) for linux, apple in plays], None)


def run_play(folder: Path, variables: dict[str, str]) -> tuple[float, float, float]:
    """The seconds that a play takes, that its look-ups take in all, and that the median one takes."""
    times = folder / "times"
    times.unlink(missing_ok=True)
    hosts = ",".join(f"host{number}" for number in range(HOSTS)) + ","
    command = [Path(sys.executable).with_name("ansible-playbook"), "-i", hosts, "-c", "local", "-f", str(FORKS)]
    own = {"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "TIMES": str(times)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SSL_CERT_")}
    started = time.perf_counter()
    finished = subprocess.run(
        [*command, folder / "play.json"],
        env={**environment, **own, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    whole = time.perf_counter() - started
    if finished.returncode:
        sys.exit(finished.stdout + finished.stderr)
    each = [float(line) for line in times.read_text().splitlines()]
    return whole, sum(each), statistics.median(each)


def children_seconds(function: Callable[[], object]) -> float:
    """The processor's seconds that the processes take that ``function`` starts."""
    before = resource_seconds()
    function()
    return resource_seconds() - before


def resource_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def print_pairs(title: str, pairs: list[tuple[float, float]], most: float | None) -> None:
    """The medians of both, and that of their ratios."""
    first, second = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    wanted = "" if most is None else f" (wanted: at most {most:.1f})"
    ratio = statistics.median(later / earlier for earlier, later in pairs)
    print(f"{title}: {first:.1f} and {second:.1f} ms, {ratio:.2f}{wanted}")


if __name__ == "__main__":
    main()
