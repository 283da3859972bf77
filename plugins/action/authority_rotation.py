# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.authority_rotation. It runs on the controller alone."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PASSPHRASE_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import LOCK, Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.next_policy import next_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import COMPROMISED, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority_arguments import ROOT_CONDITIONS, ROOT_SPEC
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.transaction import publish_root
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.tree import publication_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.keys import awaited_issuers
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.results import (
    NONE,
    rotation_diff,
    rotation_result,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.status import Status
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.transaction import RotationTransaction
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.view import DEFAULT_TERMS, Terms
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import exclusive_lock

STATUS, BEGIN, CONTINUE, ABORT, LEAVE_OUT = "status", "begin", "continue", "abort", "leave_out"


@dataclass(frozen=True)
class Done:
    """What a task did, or in check mode would do: the states that the rotation came into, the hosts that are not waited
    for any longer, with the reasons, and the private keys that were removed."""

    steps: tuple[State, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    removed: tuple[Path, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.steps or self.left_out or self.removed)


class ActionModule(PkiAction):
    """Has one root of an authority give way to another, and says how far that is."""

    _requires_connection = False

    ARGUMENT_SPEC = {
        **AUTHORITY_SPEC,
        **PASSPHRASE_SPEC,
        **ROOT_SPEC,
        "step": {"type": "str", "choices": [STATUS, BEGIN, CONTINUE, ABORT, LEAVE_OUT], "default": STATUS},
        "hosts": {"type": "list", "elements": "str", "default": []},
        "compromised": {"type": "bool", "default": False},
        "reason": {"type": "str"},
        "host": {"type": "str"},
        "overlap_days": {"type": "int", "default": DEFAULT_TERMS.overlap.days},
        "proof_days": {"type": "int", "default": DEFAULT_TERMS.proof_age.days},
        "publish": {"type": "path"},
    }
    CONDITIONS = {"required_if": [("step", LEAVE_OUT, ("host", "reason"))], "mutually_exclusive": ROOT_CONDITIONS}

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        _check(arguments)
        authority = self.authority(arguments["authority"], task_vars)
        writes = arguments["step"] != STATUS and not self.check_mode
        lock = exclusive_lock(authority.folder / LOCK) if writes else nullcontext()
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
        if self.diff_mode:
            result["diff"] = rotation_diff(before, done.steps, done.left_out, done.removed)
        return result

    @contextmanager
    def _transaction(
        self, authority: Authority, arguments: dict[str, Any], writes: bool
    ) -> Iterator[RotationTransaction]:
        terms = Terms(timedelta(days=arguments["proof_days"]), timedelta(days=arguments["overlap_days"]))
        with open_ledger(authority.ledger_path, read_only=not writes) as ledger:
            now, in_play = datetime.now(timezone.utc), frozenset(arguments["hosts"])
            yield RotationTransaction(authority.folder, ledger, in_play, now, terms, not writes)

    def _do(self, transaction: RotationTransaction, arguments: dict[str, Any]) -> Done:
        step = arguments["step"]
        passphrases = Passphrases(arguments["passphrase"], arguments["responder_passphrase"])
        if step == BEGIN:
            reason = COMPROMISED if arguments["compromised"] else arguments["reason"] or ""
            return Done(tuple(transaction.begin(reason, passphrases, arguments)))
        if step == LEAVE_OUT:
            named = arguments["host"], arguments["reason"]
            return Done(left_out=(named,) if transaction.leave_out(*named, getpass.getuser()) else ())
        if step == STATUS:
            return Done()
        if step == ABORT:
            steps = transaction.abort()
        else:
            public = publication_folder(arguments["publish"], transaction.folder)
            publish = partial(publish_root, passphrases, public, transaction.now) if public else None
            steps = transaction.go_on(passphrases, publish)
        return Done(tuple(steps), removed=transaction.clean_up(steps))


def _check(arguments: dict[str, Any]) -> None:
    """Raise PkiError where options contradict one another."""
    for option, steps in (("compromised", [BEGIN]), ("reason", [BEGIN, LEAVE_OUT]), ("host", [LEAVE_OUT])):
        if arguments[option] and arguments["step"] not in steps:
            raise PkiError(f"{option}: goes with step={' or step='.join(steps)}. Leave it out.")
    if arguments["compromised"] and arguments["reason"]:
        raise PkiError("reason: compromised is the reason already. Leave one of them out.")
    if arguments["step"] == BEGIN and arguments["reason"] == COMPROMISED:
        raise PkiError(f"reason: {COMPROMISED!r} stands for an emergency. Say compromised=true, or use other words.")
    for option in ("overlap_days", "proof_days"):
        if not 0 <= arguments[option] <= 3650:
            raise PkiError(f"{option}: is {arguments[option]}; give 0 to 3650 days.")


def _result(transaction: RotationTransaction) -> dict[str, Any]:
    authority, looked = transaction.authority(), transaction.look()
    if looked is None:
        return rotation_result(authority, None)
    ledger = transaction.ledger
    awaited = awaited_issuers(authority, ledger.last_leaf_ends(), transaction.now)
    status = Status(authority, *looked, transaction.terms, awaited, next_policy(authority, ledger))
    return rotation_result(authority, status)
