# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The distributions whose own images the scenario ``distribution`` runs on, where a container registry can be reached.

Usage: ``distributions.py NAME`` makes ``localhost/anchorage/distribution:NAME``: the image as its distribution
publishes it, with what a host needs (a supported Python, ``ca-certificates``) and what the scenario asks (curl and
openssl).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

#: Names the distribution that the scenario runs on; without it, the scenario runs on the laboratory's Debian.
VARIABLE = "ANCHORAGE_DISTRIBUTION"


class Distribution(NamedTuple):
    """An image in a registry, the command that installs packages in it, and the package of a supported Python."""

    image: str
    install: str
    python: str = "python3"


APK = "apk add --no-cache"
APT = "apt-get update && apt-get install --yes --no-install-recommends"
# Some images have curl-minimal, which curl has to replace.
DNF = "dnf install --assumeyes --allowerasing"
PACMAN = "pacman --sync --refresh --sysupgrade --noconfirm"
ZYPPER = "zypper --non-interactive install"

DISTRIBUTIONS = {
    "debian-12": Distribution("docker.io/library/debian:12", APT),
    "debian-13": Distribution("docker.io/library/debian:13", APT),
    "ubuntu-22.04": Distribution("docker.io/library/ubuntu:22.04", APT),
    "ubuntu-24.04": Distribution("docker.io/library/ubuntu:24.04", APT),
    "ubuntu-26.04": Distribution("docker.io/library/ubuntu:26.04", APT),
    "fedora": Distribution("docker.io/library/fedora:latest", DNF),
    # The Python that RHEL 8 calls python3 is 3.6.
    "rhel-8": Distribution("docker.io/library/almalinux:8", DNF, python="python3.12"),
    "rhel-9": Distribution("docker.io/library/almalinux:9", DNF),
    "rhel-10": Distribution("docker.io/library/almalinux:10", DNF),
    "opensuse-leap": Distribution("docker.io/opensuse/leap:16.0", ZYPPER),
    "opensuse-tumbleweed": Distribution("docker.io/opensuse/tumbleweed:latest", ZYPPER),
    "arch": Distribution("docker.io/library/archlinux:latest", PACMAN, python="python"),
    "alpine": Distribution("docker.io/library/alpine:latest", APK),
}


def containerfile(distribution: Distribution) -> str:
    """The recipe of the image of a host."""
    packages = f"ca-certificates curl openssl {distribution.python}"
    return f"FROM {distribution.image}\nRUN {distribution.install} {packages}\n"


def build(name: str) -> None:
    """Pull the image of a distribution and make that of a host from it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Containerfile").write_text(containerfile(DISTRIBUTIONS[name]), encoding="utf-8")
        tag = f"--tag=localhost/anchorage/distribution:{name}"
        subprocess.run(["podman", "build", "--pull=newer", "--network=host", tag, folder], check=True)


def main(names: list[str]) -> None:
    """Make one image."""
    if len(names) != 1 or names[0] not in DISTRIBUTIONS:
        sys.exit(f"Name one distribution: {', '.join(DISTRIBUTIONS)}.")
    build(names[0])


if __name__ == "__main__":
    main(sys.argv[1:])
