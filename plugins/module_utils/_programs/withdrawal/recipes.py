# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recipes: which leaves may have their staple withdrawn, and what then makes servers notice.

They are root's, in a folder of root's: what is in them is run by root, so that nothing of them is ever taken from the
folder of the leaf itself.
"""

from __future__ import annotations

import json
import os

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.names import names_error
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import SERVERS
from ansible_collections.anchorage.pki.plugins.module_utils._programs import installation

#: A test of a configuration and a reload, each as a list of words; an empty one is no command.
Commands = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Recipe:
    """One leaf, the server that its pointer is for, and the commands of each way in which a task activates it.

    For a staple of a certificate that is not ours, ``certificate`` is the path where the host has that one.
    """

    destination: str
    name: str
    server: str
    commands: tuple[Commands, ...] = ()
    certificate: str = ""


def recipe_name(destination: str, name: str) -> str:
    """The file name of a leaf's recipe."""
    return installation.entry_name(os.path.join(destination, name))


def recipe_names(layout: installation.Layout) -> list[str]:
    """The file names of all recipes."""
    return installation.entry_names(installation.WITHDRAWALS, layout)


def read_recipe(file_name: str, layout: installation.Layout) -> Recipe | None:
    """The recipe, None where it is missing. Raises HostError where it is damaged, OSError."""
    content = installation.read_entry(installation.WITHDRAWALS, file_name, layout)
    if content is None:
        return None
    try:
        return _recipe(json.loads(content))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise HostError("the recipe is damaged; the next run of the task writes it anew") from error


def _recipe(entries: dict[str, Any]) -> Recipe:
    """Raises KeyError, TypeError or ValueError for what no recipe is."""
    commands = tuple((_words(test), _words(reload)) for test, reload in entries["commands"])
    destination, name, server = (str(entries[each]) for each in ("destination", "name", "server"))
    recipe = Recipe(destination, name, server, commands, str(entries.get("certificate", "")))
    if recipe.server not in SERVERS or names_error([recipe.name]):
        raise ValueError("no such server or name")
    return recipe


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise TypeError("no list of words")
    return tuple(value)
