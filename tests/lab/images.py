# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which images the hosts of a scenario have.

A scenario on more platforms than Debian has a folder ``images`` with an inventory for each kind: ``shaped.yml`` names
hosts that are shaped like other platforms, which need no container registry, and ``real.yml`` the distributions' own.
``make molecule IMAGES=real`` chooses. Debian's are made of its archive either way.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from lab import build_images, distributions

SHAPED, REAL = "shaped", "real"
KINDS = (SHAPED, REAL)
#: What tells a scenario which kind is meant.
VARIABLE = "ANCHORAGE_IMAGES"

SCENARIOS = Path(__file__).resolve().parent.parent.parent / "molecule"
#: What the scenario ``distribution`` writes for the image that the environment names.
_TAG = "{{ laboratory_tag }}"
#: A host's image, which may have an anchor for aliases.
_IMAGE = re.compile(r"laboratory_image: (?:&\w+ )?(localhost/anchorage/[\w./-]+:[\w.-]+)$", re.MULTILINE)


def inventories(scenario: str, kind: str) -> Iterator[str]:
    """The inventories of a scenario with images of that kind."""
    distribution = os.environ.get(distributions.VARIABLE)
    tag = f"distribution:{distribution}" if distribution else "trixie:base"
    for path in (SCENARIOS / scenario / "inventory" / "hosts.yml", SCENARIOS / scenario / "images" / f"{kind}.yml"):
        if path.exists():
            yield path.read_text(encoding="utf-8").replace(_TAG, tag)


def of_scenario(scenario: str, kind: str) -> list[str]:
    """The images of a scenario's hosts, each once."""
    return sorted({image for text in inventories(scenario, kind) for image in _IMAGE.findall(text)})


def of_distributions() -> list[str]:
    """The distributions whose own images scenarios have with ``IMAGES=real``."""
    prefix = f"{distributions.REPOSITORY}:"
    named = {image for path in SCENARIOS.glob("*/images") for image in of_scenario(path.parent.name, REAL)}
    return sorted(image.removeprefix(prefix) for image in named if image.startswith(prefix))


def of_debian() -> list[str]:
    """The images that scenarios have besides, by what the laboratory calls them."""
    return [image.name for image in build_images.IMAGES if "-shaped:" not in image.name]


def described(scenario: str, kind: str) -> str:
    """The images of a scenario, for who reads how it went."""
    return f"on {', '.join(_described(image) for image in of_scenario(scenario, kind))}"


def _described(image: str) -> str:
    repository, _colon, tag = image.partition(":")
    if repository == distributions.REPOSITORY:
        return distributions.DISTRIBUTIONS[tag].image
    return image.removeprefix("localhost/anchorage/")
