# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The distributions whose own images tests run on where container registries can be reached: the scenario
``distribution``, and with ``IMAGES=real`` those that otherwise have hosts *shaped* like other platforms.

Usage: ``distributions.py NAME ...`` makes ``localhost/anchorage/distribution:NAME`` of each: the image as its
distribution publishes it now, with what a host needs (a supported Python, ``ca-certificates``) and what the scenarios
ask (curl and openssl). An image that its registry does not give now is refused; one of a former day is not taken.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

#: What the images of hosts are called, before their distribution's name.
REPOSITORY = "localhost/anchorage/distribution"
#: Names the distribution that the scenario of that name runs on; without it, that is the laboratory's Debian.
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
    # The Python that release 8 calls python3 is 3.6.
    "almalinux-8": Distribution("docker.io/library/almalinux:8", DNF, python="python3.12"),
    "almalinux-9": Distribution("docker.io/library/almalinux:9", DNF),
    "almalinux-10": Distribution("docker.io/library/almalinux:10", DNF),
    # RHEL's own packages, as far as they are for everybody: its universal base images.
    "rhel-9": Distribution("registry.access.redhat.com/ubi9/ubi:latest", DNF),
    "rhel-10": Distribution("registry.access.redhat.com/ubi10/ubi:latest", DNF),
    "opensuse-leap": Distribution("docker.io/opensuse/leap:16.0", ZYPPER),
    "opensuse-tumbleweed": Distribution("docker.io/opensuse/tumbleweed:latest", ZYPPER),
    "arch": Distribution("docker.io/library/archlinux:latest", PACMAN, python="python"),
    "alpine": Distribution("docker.io/library/alpine:latest", APK),
}


def containerfile(distribution: Distribution) -> str:
    """The recipe of the image of a host."""
    packages = f"ca-certificates curl openssl {distribution.python}"
    return f"FROM {distribution.image}\nRUN {distribution.install} {packages}\n"


def pull(name: str) -> None:
    """Ask the registry for the image of a distribution as it is now, and say which one came. Exits without one."""
    image = DISTRIBUTIONS[name].image
    pulled = subprocess.run(["podman", "pull", "--quiet", image], stdout=subprocess.PIPE, text=True, check=False)
    if pulled.returncode:
        registry = image.split("/", 1)[0]
        sys.exit(
            f"The image of {name} cannot be pulled: {image}.\n"
            f"A distribution's own image needs its registry, {registry}. See podman's message above.\n"
            "Where no registry can be reached, run the scenarios on shaped hosts: IMAGES=shaped, or no IMAGES at all."
        )
    print(f"{name}: {image} is {pulled.stdout.strip()}", flush=True)


def build(name: str) -> None:
    """Make the image of a host from that of its distribution, which was pulled."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Containerfile").write_text(containerfile(DISTRIBUTIONS[name]), encoding="utf-8")
        options = ["--pull=never", "--network=host", f"--tag={REPOSITORY}:{name}"]
        subprocess.run(["podman", "build", *options, folder], check=True)


def main(names: list[str]) -> None:
    """Make the images of these distributions: none unless all can be pulled."""
    if not names or not set(names) <= set(DISTRIBUTIONS):
        sys.exit(f"Name one or more of the distributions: {', '.join(DISTRIBUTIONS)}.")
    for name in names:
        pull(name)
    for name in names:
        build(name)


if __name__ == "__main__":
    main(sys.argv[1:])
