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
from ansible_collections.anchorage.pki.plugins.module_utils._programs.installation import NAME, Layout, read_installed
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.recipes import Recipe
from ansible_collections.anchorage.pki.plugins.module_utils._programs.withdrawal.service import WAIT

# Before what reloads servers, as far as names can say that.
HOOK = "00-anchorage-staples"
HOOK_ATTRIBUTES = Attributes(0o755)
_MOST_LINKS = 10


def hook_folder(recipe: Recipe) -> str:
    """The folder in which certbot looks for hooks, where the recipe's certificate is one of its own, and none but root
    may write in it; else ""."""
    hooks = _hooks(recipe.certificate)
    return hooks if hooks and _is_roots(hooks) else ""


def missing_hook(recipe: Recipe) -> str:
    """Why certbot cannot say that it renewed the recipe's certificate, "" where it can, or does not renew it."""
    hooks = _hooks(recipe.certificate)
    if not hooks or _is_roots(hooks):
        return ""
    return (
        f"{recipe.certificate} is certbot's, and {hooks} is missing, or others than root may write in it: no hook "
        "withdraws the staple when the certificate is renewed. That is noticed within an hour only."
    )


def _hooks(certificate: str) -> str:
    """Where certbot looks for hooks that renews what is at this path, which may be a link to its own; else ""."""
    for _link in range(_MOST_LINKS):
        live = os.path.dirname(os.path.dirname(certificate))
        if os.path.basename(live) == "live":
            return os.path.join(os.path.dirname(live), "renewal-hooks", "deploy")
        if not os.path.islink(certificate):
            break
        certificate = os.path.normpath(os.path.join(os.path.dirname(certificate), os.readlink(certificate)))
    return ""


def _is_roots(folder: str) -> bool:
    try:
        with opened_folder(folder) as opened:
            return opened is not None
    except (HostError, OSError):
        return False


def hook_content(layout: Layout) -> bytes:
    """The hook: what it runs waits for a run of Ansible, and then withdraws the staple of the former certificate."""
    program = shlex.quote(os.path.join(layout.programs, NAME))
    return f"#!/bin/sh\n# Written by Ansible (anchorage.pki.ocsp_staple).\nexec {program} withdraw {WAIT}\n".encode()


def is_hooked(recipe: Recipe, layout: Layout) -> bool:
    """Whether certbot, where it renews the recipe's certificate, says so. Raises HostError."""
    folder = hook_folder(recipe)
    return not folder or read_installed(folder, HOOK, HOOK_ATTRIBUTES) == hook_content(layout)
