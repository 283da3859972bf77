# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the native roots cost: run with ``.venv/bin/python tests/benchmarks/native_roots.py``.

Prints medians of one run on this machine, and their ratios to a yardstick of the same run: the time that OpenSSL takes
to load the machine's bundle. On one quiet machine the yardstick took 19.7 ms, and rustls-native-certs 0.8.4 took 4.1 ms
for the platform's file and folders, 0.73 ms for the file alone. Where nothing waits, the processor's time is measured,
which other programs disturb less.
"""

from __future__ import annotations

import json
import os
import ssl
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

from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import PLATFORM, load
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.cache import NativeRootsCache
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.views import VIEWS, view_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage import run_cache

ROUNDS = 60
YARDSTICK_ROUNDS = 15
HOSTS, FORKS, TASKS = 20, 10, 3
MOST_FOR_THE_PLATFORM = 1.5 * 4.135 / 19.659  # of the yardstick
MOST_FOR_THE_FILE = 1.5 / 19.659

# A lookup that times another one: Ansible hides how long a lookup takes.
TIMER = """
import os, time
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase
from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_facts import describe
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import load

class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        lookup = lookup_loader.get("anchorage.pki.native_roots", loader=self._loader, templar=self._templar)
        started, worked = time.perf_counter(), time.process_time()
        if terms == ["each"]:
            rows = [describe(der, sources) for der, sources in load("platform", os.environ).roots.items()]
        else:
            rows = lookup.run([], variables)
        with open(os.environ["TIMES"], "a") as file:
            print(time.perf_counter() - started, time.process_time() - worked, file=file)
        return [len(rows)]
"""


def main() -> None:
    """Measure and print."""
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        os.environ.pop(variable, None)
    report = load(PLATFORM, {}).report
    bundle = next(
        location["path"]
        for location in report["locations"]
        if location["kind"] == "file" and location["state"] == "read"
    )
    print(f"{report['certificates']} roots, bundle {bundle}")
    yardstick = median(lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(bundle), YARDSTICK_ROUNDS)
    print(f"yardstick, OpenSSL loads the bundle:     {milliseconds(yardstick)}")
    platform, file = median(lambda: load(PLATFORM, {})), median(lambda: load(PLATFORM, {"SSL_CERT_FILE": bundle}))
    print(f"loader, file and folders:                {ratio(platform, yardstick, MOST_FOR_THE_PLATFORM)}")
    print(f"loader, file alone:                      {ratio(file, yardstick, MOST_FOR_THE_FILE)}")
    with tempfile.TemporaryDirectory() as folder:
        measure_views(NativeRootsCache(Path(folder), PLATFORM, {}))
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        measure_play(Path(folder), "each", "loaded by each look-up")
        measure_play(Path(folder), "once", "loaded once in the run")
        os.environ["ANSIBLE_CALLBACKS_ENABLED"] = "anchorage.pki.native_roots"
        measure_play(Path(folder), "warmed", "loaded by the callback")


def measure_views(cache: NativeRootsCache) -> None:
    """A look-up in a process that has not read the cache yet, as each worker is."""

    def look_up(view: str) -> None:
        run_cache._memory.clear()
        view_of(cache, cache.state(strict=False), view, None)

    for view in VIEWS:
        look_up(view)
        print(f"cached look-up, view {view:12}        {milliseconds(median(lambda view=view: look_up(view)))}")


def measure_play(folder: Path, term: str, title: str) -> None:
    """All the look-ups of a play, timed in the workers."""
    (folder / "lookup_plugins").mkdir(exist_ok=True)
    (folder / "lookup_plugins" / "timed.py").write_text(TIMER)
    times = folder / f"times-{term}"
    task = {"debug": {"msg": f"{{{{ query('timed', '{term}') }}}}"}}
    play = {"hosts": "all", "gather_facts": False, "tasks": [task] * TASKS}
    (folder / "play.json").write_text(json.dumps([play]))
    hosts = ",".join(f"host{number}" for number in range(HOSTS)) + ","
    command = [Path(sys.executable).with_name("ansible-playbook"), "-i", hosts, "-c", "local", "-f", str(FORKS)]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "TIMES": str(times)}
    finished = subprocess.run(
        [*command, folder / "play.json"], env=environment, capture_output=True, text=True, check=False
    )
    if finished.returncode:
        sys.exit(finished.stdout + finished.stderr)
    rows = [tuple(map(float, line.split())) for line in times.read_text().splitlines()]
    seconds, worked = ([row[column] for row in rows] for column in (0, 1))
    print(
        f"{len(rows)} look-ups in a play, {title}:  {sum(seconds):.2f} s in total, {sum(worked):.2f} s of them the "
        f"processor's, median {statistics.median(seconds) * 1000:.2f} ms"
    )


def median(function: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median of the processor's seconds that ``function`` takes."""
    seconds = []
    for dummy in range(rounds):
        started = time.process_time()
        function()
        seconds.append(time.process_time() - started)
    return statistics.median(seconds)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:7.2f} ms"


def ratio(seconds: float, yardstick: float, most: float) -> str:
    return f"{milliseconds(seconds)}, {seconds / yardstick:.3f} of the yardstick (wanted: at most {most:.3f})"


if __name__ == "__main__":
    main()
