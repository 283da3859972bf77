# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.certificate_revocation. It runs on the controller alone."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PASSPHRASE_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import LOCK, Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.results import (
    pending_result,
    revocation_diff,
    revocation_result,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import publication_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import exclusive_lock
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import REASONS, UNSPECIFIED


class ActionModule(PkiAction):
    """Revokes certificates, and signs and publishes what says so."""

    _requires_connection = False

    ARGUMENT_SPEC = {
        **AUTHORITY_SPEC,
        **PASSPHRASE_SPEC,
        "name": {"type": "str"},
        "host": {"type": "str"},
        "destination": {"type": "str"},
        "serial": {"type": "str"},
        "certificate": {"type": "path"},
        "reason": {"type": "str", "choices": list(REASONS), "default": UNSPECIFIED},
        "reissue": {"type": "bool", "default": True},
        "publish": {"type": "path"},
    }
    CONDITIONS = {
        "mutually_exclusive": [("name", "serial", "certificate")],
        "required_together": [("name", "host")],
        "required_by": {"destination": "name"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        authority = self.authority(arguments["authority"], task_vars)
        folder = publication_folder(arguments["publish"], authority.folder)
        with nullcontext() if self.check_mode else exclusive_lock(authority.folder / LOCK):
            return self._run(authority, folder, arguments)

    def _run(self, authority: Authority, folder: Path | None, arguments: dict[str, Any]) -> dict[str, Any]:
        passphrases = Passphrases(arguments["passphrase"], arguments["responder_passphrase"])
        with open_ledger(authority.ledger_path, read_only=self.check_mode) as ledger:
            now = datetime.now(timezone.utc)
            transaction = RevocationTransaction(authority, passphrases, ledger, folder, now)
            outcome = (transaction.plan if self.check_mode else transaction.carry_out)(arguments)
            result = {
                **revocation_result(outcome, folder, now),
                **pending_result(ledger.revocations.pending_places(now)),
            }
        if self.diff_mode:
            result["diff"] = revocation_diff(outcome.targets)
        return result
