# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put the collections that only the laboratory uses beside the one under test, without a Galaxy server.

They are taken out of the ``ansible`` wheel, which holds them all and comes from the Python package index.
Usage: ``fetch_collections.py DESTINATION``, the folder that holds ``ansible_collections``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

FOLDERS = ("ansible_collections/containers/podman/", "ansible_collections/community/crypto/")


def fetch(destination: Path) -> None:
    """Unpack the wanted collections below ``destination``, unless they are there."""
    if all((destination / folder / "MANIFEST.json").is_file() for folder in FOLDERS):
        return
    with tempfile.TemporaryDirectory() as download:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", download, "ansible"]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(Path(download).glob("ansible-*.whl"))) as wheel:
            wheel.extractall(destination, [name for name in wheel.namelist() if name.startswith(FOLDERS)])


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
