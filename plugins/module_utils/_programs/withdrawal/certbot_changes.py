# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certbot's hook, written and removed. To be called while nobody else installs anything."""

from __future__ import annotations

from contextlib import suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import Layout
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation_changes import (
    remove_file,
    write_file,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.certbot import (
    HOOK,
    HOOK_ATTRIBUTES,
    hook_content,
    hook_folder,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.recipes import (
    Recipe,
    read_recipe,
    recipe_names,
)


def install_hook(recipe: Recipe, layout: Layout) -> bool:
    """Have certbot say that it renewed the recipe's certificate, where that is its own; whether anything changed.

    Raises HostError, OSError.
    """
    folder = hook_folder(recipe)
    return bool(folder) and write_file(folder, HOOK, hook_content(layout), HOOK_ATTRIBUTES)


def remove_hook(recipe: Recipe | None, layout: Layout) -> None:
    """Remove the hook that the recipe needs, unless another one needs it, too. Raises HostError, OSError."""
    folder = hook_folder(recipe) if recipe else ""
    if recipe and folder and folder not in _needed(recipe, layout):
        remove_file(folder, HOOK)


def _needed(recipe: Recipe, layout: Layout) -> set[str]:
    """The folders of the hooks of all other recipes."""
    folders = set()
    for file_name in recipe_names(layout):
        with suppress(HostError):
            other = read_recipe(file_name, layout)
            if other and other != recipe:
                folders.add(hook_folder(other))
    return folders
