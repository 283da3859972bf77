# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host is sent and how long it works where nothing is to be done, in one checkout or in two side by side.

Usage: ``payload.py [CHECKOUT [FORMER_CHECKOUT]]``, from a virtual environment with ansible-core. The modules look at
this machine and change nothing.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROUNDS = 15
CERTIFICATE = Path("/etc/ssl/certs/ca-certificates.crt").read_text().partition("-----END CERTIFICATE-----")
ANCHOR = {"name": "payload-benchmark", "certificate": f"{CERTIFICATE[0]}{CERTIFICATE[1]}\n"}
LEAF = {"name": "app"}
#: The arguments of each module, as it takes them now and as it took them in former releases.
MODULES: dict[str, list[dict[str, Any]]] = {
    "leaf_deployment": [{"inspect": [LEAF]}, {"operation": "report", "certificates": [LEAF]}],
    "anchor_deployment": [{"operation": "inspect", **ANCHOR, "stores": ["system"]}],
    "native_roots_info": [{}],
}


def payload(checkout: Path, module: str, home: Path) -> Path:
    """The file that Ansible sends for the module, kept by a run of it."""
    collections = home / "collections"
    link = collections / "ansible_collections" / "anchorage" / "pki"
    link.parent.mkdir(parents=True)
    link.symlink_to(checkout.resolve())
    environment = {
        **os.environ,
        "HOME": str(home),
        "ANSIBLE_HOME": str(home / "ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        "ANSIBLE_KEEP_REMOTE_FILES": "true",
        "ANSIBLE_REMOTE_TMP": str(home / "remote"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    program = Path(sys.executable).with_name("ansible")
    for arguments in MODULES[module]:
        words = ["localhost", "-m", f"anchorage.pki.{module}", *(["-a", json.dumps(arguments)] if arguments else [])]
        if subprocess.run([program, *words], env=environment, capture_output=True, check=False).returncode == 0:
            return next(path for path in sorted(home.rglob("AnsiballZ_*.py"), key=os.path.getmtime, reverse=True))
    raise SystemExit(f"{module} of {checkout} takes none of the arguments that are known here")


def seconds(program: Path) -> float:
    """The wall time of one run."""
    start = time.perf_counter()
    subprocess.run([sys.executable, program], capture_output=True, check=True)
    return time.perf_counter() - start


def main(checkouts: list[Path]) -> None:
    for module in MODULES:
        with tempfile.TemporaryDirectory() as scratch:
            files = [payload(path, module, Path(scratch, str(number))) for number, path in enumerate(checkouts)]
            # In turns, so that a machine that slows down slows all of them.
            times = [[seconds(file) for file in files] for _round in range(ROUNDS)]
            sizes = [file.stat().st_size for file in files]
        medians = [statistics.median(column) for column in zip(*times, strict=True)]
        for path, size, median in zip(checkouts, sizes, medians, strict=True):
            print(f"{module:18} {size:8} bytes {median * 1000:7.1f} ms  {path}")
        if len(checkouts) == 2:
            print(f"{module:18} {sizes[0] / sizes[1]:8.3f} times  {medians[0] / medians[1]:7.3f} times")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]] or [Path(__file__).resolve().parents[2]])
