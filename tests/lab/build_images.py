# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the laboratory's container images, all named ``localhost/anchorage/...``: a base of each Debian suite, and on
these the hosts of the tests, Debian's own and such as are shaped like other platforms.

No container registry is needed: mmdebstrap makes the base image from the Debian archive, podman builds on it.
An image remembers the digest of its recipe in a label, and is built again only when the recipe has changed.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

SUITES = ("bookworm", "trixie")
LAB = Path(__file__).parent
RECIPE_LABEL = "anchorage.recipe"

BASE_PACKAGES = (
    "ca-certificates",
    "curl",
    "iproute2",
    "openssh-server",
    "openssl",
    "p11-kit",
    "procps",
    "python3",
    "python3-apt",
    "sudo",
    "systemd",
    "systemd-sysv",
)
MMDEBSTRAP = (
    "mmdebstrap",
    "--quiet",
    "--variant=minbase",
    f"--include={','.join(BASE_PACKAGES)}",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    # What must be a host's own is made at its first start, not copied into each of them.
    '--customize-hook=rm -f "$1"/etc/ssh/ssh_host_*',
    '--customize-hook=: > "$1"/etc/machine-id',
)


#: The lists of packages that there are, and the packages.
APT_FOLDERS = ("/var/lib/apt/lists", "/var/cache/apt")


class Image(NamedTuple):
    """An image built on the base image of a suite, by the Containerfile in ``folder``."""

    name: str
    suite: str
    folder: str
    arguments: dict[str, str] = {}


IMAGES = (
    Image("bookworm:web", "bookworm", "web"),
    Image("trixie:web", "trixie", "web"),
    Image("bookworm:servers", "bookworm", "web", {"SERVERS": "nginx haproxy"}),
    Image("trixie:servers", "trixie", "web", {"SERVERS": "nginx haproxy apache2 caddy"}),
    Image("bookworm:workstation", "bookworm", "workstation"),
    Image("trixie:workstation", "trixie", "workstation"),
    Image("bookworm:fleet", "bookworm", "fleet_host"),
    Image("trixie:java", "trixie", "java"),
    Image("trixie:browser", "trixie", "browser"),
    # Shaped like other platforms, for machines without a container registry: see lab/images.py.
    Image("redhat-shaped:9", "bookworm", "redhat", {"RELEASE": "9"}),
    Image("redhat-shaped:10", "trixie", "redhat", {"RELEASE": "10"}),
    Image("suse-shaped:leap", "trixie", "suse"),
    Image("arch-shaped:rolling", "trixie", "arch"),
    Image("alpine-shaped:3", "trixie", "alpine"),
)
#: Made where they are named alone.
IMAGES_ON_REQUEST = (Image("trixie:core_foundation", "trixie", "core_foundation"),)


def digest(*parts: str) -> str:
    """The SHA-256 digest of a recipe, in hexadecimal."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def is_current(image: str, recipe: str) -> bool:
    """Whether ``image`` exists and was built from this very recipe."""
    inspection = subprocess.run(["podman", "image", "inspect", image], capture_output=True, text=True, check=False)
    return inspection.returncode == 0 and (json.loads(inspection.stdout)[0]["Labels"] or {}).get(RECIPE_LABEL) == recipe


def build_base(suite: str) -> str:
    """Make the base image of a Debian suite and return its recipe's digest."""
    image, recipe = f"localhost/anchorage/{suite}:base", digest(suite, *MMDEBSTRAP)
    if is_current(image, recipe):
        print(f"{image}: up to date", flush=True)
        return recipe
    print(f"{image}: building from the Debian archive", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        archive = f"{folder}/{suite}.tar"
        subprocess.run([*MMDEBSTRAP, suite, archive], check=True)
        label, command = f"LABEL {RECIPE_LABEL}={recipe}", 'CMD ["/bin/sleep", "infinity"]'
        changes = ["--change", label, "--change", command, "--change", "ENV container=podman"]
        subprocess.run(["podman", "import", "--quiet", *changes, archive, image], check=True)
    return recipe


def build(image: Image, base_recipe: str, downloads: Path) -> None:
    """Make an image on the base image of its suite.

    What apt downloads is kept in the folder ``downloads``, for all images of the suite, and is in none of them.
    """
    name, folder = f"localhost/anchorage/{image.name}", LAB / image.folder
    arguments = {"BASE": f"localhost/anchorage/{image.suite}:base", **image.arguments}
    files = [path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())]
    recipe = digest(base_recipe, *files, *image.arguments.values())
    if is_current(name, recipe):
        print(f"{name}: up to date", flush=True)
        return
    print(f"{name}: building", flush=True)
    options = [f"--build-arg={argument}={value}" for argument, value in arguments.items()]
    for place in APT_FOLDERS:
        kept = downloads / image.suite / Path(place).name
        kept.mkdir(parents=True, exist_ok=True)
        options.append(f"--volume={kept}:{place}")
    command = [
        "podman",
        "build",
        "--quiet",
        "--layers=false",  # nobody asks for the steps on the way
        *options,
        "--label",
        f"{RECIPE_LABEL}={recipe}",
        "--tag",
        name,
        str(folder),
    ]
    subprocess.run(command, check=True)


def main(wanted: list[str]) -> None:
    """Build the wanted images, without any all but those on request, and what they are based on."""
    images = [image for image in (*IMAGES, *IMAGES_ON_REQUEST) if image.name in wanted] if wanted else IMAGES
    recipes = {suite: build_base(suite) for suite in SUITES if any(image.suite == suite for image in images)}
    with tempfile.TemporaryDirectory() as downloads:
        for image in images:
            build(image, recipes[image.suite], Path(downloads))


if __name__ == "__main__":
    main(sys.argv[1:])
