# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the checkout is all of a release: see docs/releasing.md. Usage: ``release.py VERSION``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent


def load(path: Path) -> Any:
    """What a file of YAML says."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def missing(version: str, root: Path = ROOT) -> list[str]:
    """What the release of that version lacks."""
    faults = []
    if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", version):
        faults.append(f"{version} is no version: a tag is named as 1.2.3, without a v")
    if (said := load(root / "galaxy.yml")["version"]) != version:
        faults.append(f"galaxy.yml: the version is {said}")
    if version not in load(root / "changelogs" / "changelog.yaml")["releases"]:
        faults.append("changelogs/changelog.yaml: no such release, run antsibull-changelog release")
    if not re.search(
        rf"^v{re.escape(version)}\n=+$", (root / "CHANGELOG.rst").read_text(encoding="utf-8"), re.MULTILINE
    ):
        faults.append("CHANGELOG.rst: no such release, run antsibull-changelog release")
    left = sorted(path.name for path in (root / "changelogs" / "fragments").glob("*.y*ml"))
    faults += [f"changelogs/fragments/{name}: not in the changelog yet" for name in left]
    return faults


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        sys.exit("Usage: release.py VERSION")
    if faults := missing(arguments[0]):
        sys.exit("\n".join(faults))
    print(f"{arguments[0]} can be released")


if __name__ == "__main__":
    main(sys.argv[1:])
