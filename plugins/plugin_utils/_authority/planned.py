# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The authority that check mode would make: really made, in the run's own temporary folder, which Ansible removes.

So later tasks of the run check names, lifetimes, keys and trust stores against it, by the code that the run itself
uses. Nobody ever trusts its root.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import LEDGER
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import check_place
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    Passphrases,
    ProvisioningPlan,
    carry_out,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import (
    check_creatable,
    create_folder,
    exclusive_lock,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.sessions import NO_TOKENS


def planned_folder(folder: Path, run_folder: Path) -> Path:
    """Where in the run's own folder the authority is that would be made in ``folder``."""
    return run_folder / f"anchorage-authority-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"


def make_planned(plan: ProvisioningPlan, passphrases: Passphrases, run_folder: Path, now: datetime) -> None:
    """Make the planned authority, and see that the real one could be made in its place. Raises PkiError.

    It appears at once: tasks of other hosts may look for it at any time.
    """
    check_creatable(plan.folder)
    check_place(plan.folder / LEDGER)
    folder = planned_folder(plan.folder, run_folder)
    with exclusive_lock(folder.with_suffix(".lock")):
        if folder.exists():
            return
        unfinished = folder.with_suffix(".new")
        create_folder(unfinished)
        # On a token, nothing is made that the run does not make.
        carry_out(replace(plan, folder=unfinished), replace(passphrases, tokens=NO_TOKENS), now)
        unfinished.rename(folder)
