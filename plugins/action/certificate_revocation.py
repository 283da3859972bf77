# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.certificate_revocation. It runs on the controller alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PASSPHRASE_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.locks import changing, publishing
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._passphrases import passphrases_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.outcome import Outcome
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import Target
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.results import (
    issuing_result,
    pending_result,
    revocation_diff,
    revocation_result,
    unread_message,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import RevocationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import publication_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.revocation_lists import REASONS, UNSPECIFIED


class ActionModule(PkiAction):
    """Revokes certificates, and signs and publishes what says so."""

    _requires_connection = False

    #: Those of the task, and the folder that it publishes in, None for none.
    _passphrases = Passphrases()
    _public: Path | None = None

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
        "required_by": {"host": "name", "destination": "host"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        self._passphrases = passphrases_of(arguments)
        folder = self.authority(arguments["authority"], task_vars).folder
        self._public = publication_folder(arguments["publish"], folder)
        read = partial(self.authority, arguments["authority"], task_vars)
        if self.check_mode:
            with self._transaction(read()) as transaction:
                return self._result(transaction.plan(arguments), _standing(transaction))
        # What another run made until the lock was had is read, too.
        with changing(folder), self._transaction(read()) as transaction:
            targets = transaction.enter(arguments)
            standing = _standing(transaction)
        outcome, failure = self._complete(folder, read, targets), ""
        try:
            with self._transaction(read()) as transaction:
                standing = _standing(transaction)
        except PkiError as error:
            failure = str(error)
        return self._result(outcome, standing, failure)

    def _complete(self, folder: Path, read: Callable[[], Authority], targets: tuple[Target, ...]) -> Outcome:
        """Sign and publish. What is entered is told also where that fails, so that hosts can be asked to act on it."""
        try:
            with publishing(folder), self._transaction(read()) as transaction:
                return transaction.complete(targets)
        except PkiError as error:
            return Outcome(targets, failure=str(error))

    @contextmanager
    def _transaction(self, authority: Authority) -> Iterator[RevocationTransaction]:
        with open_ledger(authority.ledger_path, read_only=self.check_mode) as ledger:
            now = datetime.now(timezone.utc)
            yield RevocationTransaction(authority, self._passphrases, ledger, self._public, now)

    def _result(self, outcome: Outcome, standing: dict[str, Any], failure: str = "") -> dict[str, Any]:
        """The result; ``failure`` is why ``standing`` is not as it was in the end, an empty string where it is."""
        result = {**revocation_result(outcome, self._public, datetime.now(timezone.utc)), **standing}
        if failure and not outcome.failure:
            result |= {"failed": True, "msg": unread_message(outcome, failure)}
        if self.diff_mode:
            result["diff"] = revocation_diff(outcome.targets)
        return result


def _standing(transaction: RevocationTransaction) -> dict[str, Any]:
    """What the ledger knows of hosts and issuers."""
    pending = transaction.ledger.revocations.pending_places(transaction.now)
    return {**pending_result(pending), **issuing_result(transaction.authority, transaction.ledger)}
