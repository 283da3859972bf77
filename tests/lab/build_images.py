# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the laboratory's container images: for each Debian suite ``localhost/anchorage/<suite>:base``, and two on it.

No container registry is needed: mmdebstrap makes the base image from the Debian archive, podman builds on it.
An image remembers the digest of its recipe in a label, and is built again only when the recipe has changed.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

SUITES = ("bookworm", "trixie")
KINDS = ("web", "workstation")
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


def build_on_base(kind: str, suite: str, base_recipe: str) -> None:
    """Make an image on the base image of a Debian suite, by the Containerfile in the folder ``kind``."""
    image, folder = f"localhost/anchorage/{suite}:{kind}", LAB / kind
    recipe = digest(base_recipe, (folder / "Containerfile").read_text(encoding="utf-8"))
    if is_current(image, recipe):
        print(f"{image}: up to date", flush=True)
        return
    print(f"{image}: building", flush=True)
    arguments = ["--build-arg", f"BASE=localhost/anchorage/{suite}:base", "--label", f"{RECIPE_LABEL}={recipe}"]
    subprocess.run(["podman", "build", "--quiet", *arguments, "--tag", image, str(folder)], check=True)


if __name__ == "__main__":
    for name in SUITES:
        recipe_of_base = build_base(name)
        for image_kind in KINDS:
            build_on_base(image_kind, name, recipe_of_base)
