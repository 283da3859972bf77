# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of trust stores, each once: whatever lists them is generated from this table or tested against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils._trust import applications
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import debian, installations
from ansible_collections.anchorage.pki.plugins.module_utils._trust.nss import databases
from ansible_collections.anchorage.pki.plugins.module_utils._trust.policies import chromium, firefox
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Store
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import anchor_folder


class Finder(NamedTuple):
    """Finds stores: ``find`` may raise HostError and OSError, ``sought`` is what it looks for, in words for a
    reader whose host has none of it."""

    find: Callable[[Settings], Sequence[Store]]
    sought: Sequence[str] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of stores. ``stands_for`` are the words of the documentation. Without ``is_default``, a task has to ask
    for it. A host without any store of a kind that ``is_required`` is refused as unknown."""

    name: str
    finders: tuple[Finder, ...]
    stands_for: str
    is_default: bool = True
    is_required: bool = False


# In the order in which they take turns: what feeds another comes first, as a browser that starts amid a removal would
# copy the anchor from its policies into a profile once more.
KINDS = (
    Kind(
        "system",
        (Finder(anchor_folder.find, anchor_folder.SOUGHT), Finder(debian.find)),  # the second goes with the first
        "the operating system's own roots, with the Java keystore that Debian makes of them",
        is_required=True,
    ),
    Kind(
        "java",
        (Finder(installations.find, installations.SOUGHT),),
        "the keystores of Java installations that the system does not feed",
    ),
    Kind(
        "policies",
        (Finder(firefox.find, firefox.SOUGHT), Finder(chromium.find, chromium.SOUGHT)),
        "the policies by which Firefox and Chromium trust more than they bring along",
    ),
    Kind("nss", (Finder(databases.find, databases.SOUGHT),), "the databases of all users' Firefox and Chromium"),
    Kind(
        "applications",
        (Finder(applications.find, applications.SOUGHT),),
        "settings that have programs with roots of their own read the system's bundle",
        is_default=False,  # it sets their environment, which is for the administrator to ask for
    ),
)
KIND_NAMES = tuple(kind.name for kind in KINDS)
DEFAULT_KINDS = tuple(kind.name for kind in KINDS if kind.is_default)
