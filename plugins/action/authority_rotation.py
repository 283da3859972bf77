# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.authority_rotation. It runs on the controller alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PASSPHRASE_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.locks import changing
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.next_policy import next_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import with_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import COMPROMISED
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority_arguments import ROOT_CONDITIONS, ROOT_SPEC
from ansible_collections.anchorage.pki.plugins.plugin_utils._operator import operator
from ansible_collections.anchorage.pki.plugins.plugin_utils._passphrases import passphrases_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import publish_root
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import publication_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.arguments import (
    ABORT,
    BEGIN,
    LEAVE_OUT,
    STATUS,
    STEPS,
    WAIT_FOR,
    check_arguments,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.keys import awaited_issuers, needless_keys
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.results import (
    NONE,
    Done,
    rotation_diff,
    rotation_result,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.status import Status
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.transaction import RotationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.view import DEFAULT_TERMS, terms_of


class ActionModule(PkiAction):
    """Has one root of an authority give way to another, and says how far that is."""

    _requires_connection = False

    ARGUMENT_SPEC = {
        **AUTHORITY_SPEC,
        **PASSPHRASE_SPEC,
        **ROOT_SPEC,
        "step": {"type": "str", "choices": list(STEPS), "default": STATUS},
        "hosts": {"type": "list", "elements": "str", "default": []},
        "compromised": {"type": "bool", "default": False},
        "reason": {"type": "str"},
        "host": {"type": "str"},
        "overlap_days": {"type": "int"},
        "proof_days": {"type": "int", "default": DEFAULT_TERMS.proof_age.days},
        "publish": {"type": "path"},
    }
    CONDITIONS = {
        "required_if": [("step", LEAVE_OUT, ("host", "reason")), ("step", WAIT_FOR, ("host",))],
        "mutually_exclusive": ROOT_CONDITIONS,
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        check_arguments(arguments)
        authority = self.authority(arguments["authority"], task_vars)
        writes = arguments["step"] != STATUS and not self.check_mode
        lock = changing(authority.folder) if writes else nullcontext()
        with lock, self._transaction(authority, arguments, writes) as transaction:
            looked = transaction.look()
            before = looked[0].rotation.state.value if looked else NONE
            done = self._do(transaction, arguments)
            result = _result(transaction)
        result |= {
            "changed": done.changed,
            "steps": [state.value for state in done.steps],
            "removed_keys": [str(path) for path in done.removed],
        }
        result = with_warnings(result, done.warnings)
        if self.diff_mode:
            result["diff"] = rotation_diff(before, done)
        return result

    @contextmanager
    def _transaction(
        self, authority: Authority, arguments: dict[str, Any], writes: bool
    ) -> Iterator[RotationTransaction]:
        with open_ledger(authority.ledger_path, read_only=not writes) as ledger:
            now, in_play = datetime.now(timezone.utc), frozenset(arguments["hosts"])
            terms = terms_of(ledger, arguments["proof_days"], arguments["overlap_days"])
            yield RotationTransaction(authority.folder, ledger, in_play, now, terms, not writes)

    def _do(self, transaction: RotationTransaction, arguments: dict[str, Any]) -> Done:
        step = arguments["step"]
        passphrases = passphrases_of(arguments)
        if step == BEGIN:
            reason = COMPROMISED if arguments["compromised"] else arguments["reason"] or ""
            return Done(tuple(transaction.begin(reason, passphrases, arguments)), overlaps=transaction.keep_overlap())
        if step == LEAVE_OUT:
            named = arguments["host"], arguments["reason"]
            return Done(left_out=(named,) if transaction.leave_out(*named, operator()) else ())
        if step == WAIT_FOR:
            reason = transaction.wait_for(arguments["host"])
            return Done(taken_back=() if reason is None else ((arguments["host"], reason),))
        if step == STATUS:
            return Done()
        overlaps: tuple[timedelta, ...] = ()
        newcomers: tuple[str, ...] = ()
        if step == ABORT:
            steps = transaction.abort()
        else:
            overlaps, newcomers = transaction.keep_overlap(), transaction.newcomers()
            public = publication_folder(arguments["publish"], transaction.folder)
            publish = partial(publish_root, passphrases, public, transaction.now) if public else None
            steps = transaction.go_on(passphrases, publish)
        return Done(tuple(steps), removed=transaction.clean_up(steps), overlaps=overlaps, newcomers=newcomers)


def _result(transaction: RotationTransaction) -> dict[str, Any]:
    authority, looked = transaction.authority(), transaction.look()
    if looked is None:
        return rotation_result(authority, None)
    ledger = transaction.ledger
    leaf_ends, now = ledger.last_leaf_ends(), transaction.now
    awaited, needless = awaited_issuers(authority, leaf_ends, now), needless_keys(authority, leaf_ends, now)
    status = Status(authority, *looked, transaction.terms, awaited, next_policy(authority, ledger), needless)
    return rotation_result(authority, status)
