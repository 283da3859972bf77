# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The authority that check mode would make: really made, in the run's own temporary folder, which Ansible removes; or
one that awaits its certificate, once it has come.

So later tasks of the run check names, lifetimes, keys and trust stores against it, by the code that the run itself
uses. Nobody ever trusts its root.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import LEDGER
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import ProvisioningPlan, carry_out
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.sqlite_files import check_place
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import (
    check_creatable,
    create_folder,
    exclusive_lock,
)


def planned_folder(folder: Path, run_folder: Path) -> Path:
    """Where in the run's own folder the authority is that would be made in ``folder``."""
    return run_folder / f"anchorage-authority-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"


def needs_planned(plan: ProvisioningPlan) -> bool:
    """Whether later tasks of a run would find no authority without what was planned: there is none yet, or it awaits
    its certificate, and the plan takes that."""
    return plan.authority is None or (plan.answer is not None and not plan.authority.issuers)


def make_planned(
    plan: ProvisioningPlan, passphrases: Passphrases, run_folder: Path, now: datetime, has_file: bool = True
) -> None:
    """Make the planned authority, and see that the real one could be made in its place, with a ledger that ``has_file``
    there or is on a server. Raises PkiError.

    It appears at once: tasks of other hosts may look for it at any time.
    """
    if plan.authority is None:
        check_creatable(plan.folder)
    if has_file:
        check_place(plan.folder / LEDGER)
    folder = planned_folder(plan.folder, run_folder)
    with exclusive_lock(folder.with_suffix(".lock")):
        if folder.exists():
            return
        unfinished = folder.with_suffix(".new")
        create_folder(unfinished)
        if plan.authority is not None:
            _copy(plan.folder, unfinished)
        carry_out(replace(plan, folder=unfinished), planned_passphrases(passphrases), now)
        unfinished.rename(folder)


def planned_passphrases(passphrases: Passphrases) -> Passphrases:
    """The same for the authority that check mode makes: its new keys are in files, since on a token nothing is made
    that the run does not make."""
    return replace(passphrases, tokens=replace(passphrases.tokens, root=None, issuing=None))


def _copy(folder: Path, planned: Path) -> None:
    """Copy an authority that awaits its certificate, into a folder that nobody else can enter. Raises PkiError."""
    try:
        shutil.copytree(folder, planned, dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        raise PkiError(f"{folder} cannot be copied to {planned}, where check mode would take the answer.") from error
