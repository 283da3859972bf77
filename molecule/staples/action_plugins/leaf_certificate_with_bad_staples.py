# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""leaf_certificate at a time when staples are due, again and again, with a signer that makes another bad one each time.

Takes the options of leaf_certificate; ``outcomes`` has what each of these runs failed with, by the reason for which the
staple is bad, or an empty string where it did not fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from ansible_collections.anchorage.pki.plugins.action import leaf_certificate
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp import signing
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.refusals import Refusal
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.tests.unit.bad_staples import BAD_STAPLES, Parties

# When a staple of seven days is due.
LATER = timedelta(days=4)


class ClockAhead(datetime):
    """The clock of the controller, four days later."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + LATER


class BadBuilder:
    """Takes the calls that build a staple, and signs a bad one."""

    def __init__(self, make: Callable[[Parties], bytes], issuing: Signer, now: datetime) -> None:
        self._make, self._issuing, self._now = make, issuing, now

    def add_response(self, **fields: Any) -> BadBuilder:
        self._leaf = fields["cert"]
        return self

    def responder_id(self, *_arguments: Any) -> BadBuilder:
        return self

    def certificates(self, certificates: list[Any]) -> BadBuilder:
        (self._responder,) = certificates
        return self

    def sign(self, key: Any, _digest: Any) -> SimpleNamespace:
        bad = self._make(Parties(self._leaf, self._issuing, Signer(self._responder, key), self._now))
        return SimpleNamespace(public_bytes=lambda _encoding: bad)


@contextmanager
def signing_badly(refusal: Refusal, issuing: Signer) -> Iterator[None]:
    """Every staple is due, and whoever signs one signs a bad one."""
    now = ClockAhead.now(issuing.certificate.not_valid_after_utc.tzinfo)
    # One that is older than the installed one is made today.
    made_at = now - LATER if refusal is Refusal.OLDER else now
    library = SimpleNamespace(
        OCSPResponseBuilder=lambda: BadBuilder(BAD_STAPLES[refusal], issuing, made_at),
        OCSPCertStatus=signing.ocsp.OCSPCertStatus,
        OCSPResponderEncoding=signing.ocsp.OCSPResponderEncoding,
    )
    with mock.patch.object(signing, "ocsp", library), mock.patch.object(leaf_certificate, "datetime", ClockAhead):
        yield


class ActionModule(leaf_certificate.ActionModule):
    """Runs the task with each of the bad staples."""

    #: What the host answered to the first inspection: as long as nothing is deployed, each other answer is the same.
    _inspection: dict[str, Any] | None = None

    def call_host(
        self, module: str, arguments: dict[str, Any], task_vars: dict[str, Any], secret: bool = False
    ) -> dict[str, Any]:
        if "inspect" not in arguments:
            self._inspection = None
            return super().call_host(module, arguments, task_vars, secret)
        if self._inspection is None:
            self._inspection = super().call_host(module, arguments, task_vars, secret)
        return self._inspection

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        issuing = read_authority(Path(self._task.args["authority"])).issuing
        signer = Signer(issuing.certificate, issuing.key(None, "passphrase"))
        outcomes = {}
        for refusal in BAD_STAPLES:
            with signing_badly(refusal, signer):
                result = super().run(tmp, task_vars)
            outcomes[refusal.name] = result["msg"] if result.get("failed") else ""
        return {"changed": False, "outcomes": outcomes}
