# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hook by which certbot says that it renewed a certificate (certbot(1), renewal-hooks).

Certbot keeps links to the newest certificate of a name in ``live/<name>``, and runs what is in
``renewal-hooks/deploy``, in the order of the names, before a server is to use that one.
"""

from __future__ import annotations

import os
import shlex

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes, opened_folder
from ansible_collections.anchorage.pki.plugins.module_utils._programs.bundle import NAME
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import Layout, has_file
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.recipes import Recipe
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.units import WAIT

# Before what reloads servers, as far as names can say that.
HOOK = "00-anchorage-staples"
HOOK_ATTRIBUTES = Attributes(0o755)


def hook_folder(recipe: Recipe) -> str:
    """The folder in which certbot looks for hooks, where the recipe's certificate is one of its own, and none but root
    may write in it; else ""."""
    live, _name = os.path.split(os.path.dirname(recipe.certificate))
    settings, folder = os.path.split(live)
    hooks = os.path.join(settings, "renewal-hooks", "deploy")
    if folder != "live":
        return ""
    try:
        with opened_folder(hooks) as opened:
            return hooks if opened is not None else ""
    except (HostError, OSError):
        return ""


def hook_content(layout: Layout) -> bytes:
    """The hook: what it runs waits for a run of Ansible, and then withdraws the staple of the former certificate."""
    program = shlex.quote(os.path.join(layout.programs, NAME))
    return f"#!/bin/sh\n# Written by Ansible (anchorage.pki.ocsp_staple).\nexec {program} withdraw {WAIT}\n".encode()


def is_hooked(recipe: Recipe, layout: Layout) -> bool:
    """Whether certbot, where it renews the recipe's certificate, says so. Raises HostError."""
    folder = hook_folder(recipe)
    return not folder or has_file(folder, HOOK, hook_content(layout), HOOK_ATTRIBUTES)
