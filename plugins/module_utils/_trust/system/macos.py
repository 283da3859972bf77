# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trust settings of a Mac: the administrator's for root, his own for a user who sits at the screen.

Who may write them is what Apple's authorization allows, which differs from version to version: see docs/macos.md.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import TYPE_CHECKING, Any
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._macos.attempts import PAUSES, answers_of, worth_of_reading
from ansible_collections.anchorage.pki.plugins.module_utils._macos.codes import sentence
from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import Mac, ask, this_mac
from ansible_collections.anchorage.pki.plugins.module_utils._macos.trust_settings import (
    ADMIN,
    DOMAINS,
    SYSTEM,
    USER,
    denying_domain,
    domains_for,
    evaluate,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    ABSENT,
    FAILED,
    INSTALL,
    NEEDS_USER,
    STALE,
    TRUSTED,
    Anchor,
    Finding,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import macos_right
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_session import (
    Session,
    home_of,
    store_name,
)
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import from_pem

if TYPE_CHECKING:
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_changes import Changes, Former
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_right_changes import Right

FRAMEWORK = "/System/Library/Frameworks/Security.framework"
_SYSTEM_KEYCHAIN = "/Library/Keychains/System.keychain"
_LOGIN_KEYCHAIN = "Library/Keychains/login.keychain-db"
#: Below a home: what trust settings were before a write, until it is known that it lost none.
EXPORTS = "Library/Application Support/anchorage"


class MacStore:
    """The domain of trust settings that the user may change, and his keychain. Times are in seconds."""

    kind = "system"
    readers = "Safari, Chrome, curl, Swift and everything that asks the system"

    def __init__(
        self,
        mac: Mac,
        settings: Settings,
        uid: int,
        home: str,
        reading: float = 20.0,
        patience: float = 120.0,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._mac, self._settings = mac, settings
        self._reading, self._patience, self._pauses = reading, patience, pauses
        self.name = store_name(uid)
        self._domain, self._exports = USER if uid else ADMIN, os.path.join(home, EXPORTS)
        self._keychain = os.path.join(home, _LOGIN_KEYCHAIN) if uid else _SYSTEM_KEYCHAIN
        # What root's own settings say goes for root alone.
        self._domains = domains_for(mac.version) if uid else [ADMIN, SYSTEM]
        self._session = Session(mac.version, self._domain, uid, settings.allow_authorization_change)
        self._notes: tuple[str, ...] = ()
        self._ahead: dict[bytes, dict[str, Any]] = {}  # what was said of other anchors, until it is asked for
        self._made: Changes | None = None

    @property
    def obstacle(self) -> str:
        """Why macOS would refuse a write, by what the last inspection said of the session."""
        return "" if self._is_pending else self._session.denial

    @property
    def _is_pending(self) -> bool:
        """Whether a former run has left the right changed, which comes before everything else."""
        return self._domain == ADMIN and macos_right.is_pending(self._settings)

    def inspect(self, anchor: Anchor) -> Finding:
        finding = self._inspect(anchor)
        if not self._is_pending:
            return finding
        left = f"a run that was cut off has left the right {macos_right.RIGHT} allowed to everybody"
        return Finding(STALE, (left, *finding.evidence))

    def _inspect(self, anchor: Anchor) -> Finding:
        answer = self._ahead.pop(anchor.der, None) or self._read(anchor)
        trust = evaluate(self._domains, answer["domains"])
        if trust.failures:
            failure = trust.failures[0]
            raise HostError(f"Its trust settings of the {DOMAINS[failure.domain]} domain: {failure.message}")
        return self._finding(anchor.der, answer, trust.roots.get(anchor.der))

    def _read(self, anchor: Anchor) -> dict[str, Any]:
        """What macOS says of an anchor. At first it is asked about the others, too: a process takes its time."""
        others = self._settings.others
        anchors = [anchor] if self._session.told else [anchor, *(each for each in others if each.der != anchor.der)]
        arguments = {
            "ders": [_base64(each.der) for each in anchors],
            "domains": self._domains,
            "keychains": list(dict.fromkeys([self._keychain, _SYSTEM_KEYCHAIN])),
            "chain": [] if anchor in others else [_base64(from_pem(pem)) for pem in self._settings.leaf_chain],
            "server": self._settings.leaf_name,
        }
        attempts = answers_of(
            lambda: ask(self._mac, "inspect_anchors", arguments, self._reading), worth_of_reading, self._pauses
        )
        answer = attempts[-1]
        self._require_success(answer)
        self._session = self._session._replace(told=answer["session"])
        found, *ahead = answer["anchors"]
        self._ahead = dict(zip((each.der for each in anchors[1:]), ahead))
        return {**found, "server_refusal": answer["server_refusal"]} if "server_refusal" in answer else found

    def preview(self, anchor: Anchor, operation: str) -> Finding:
        notes: tuple[str, ...] = ()
        if self._is_pending:
            notes = (f"the right {macos_right.RIGHT} would be put back first",)
            finding = self._inspect(anchor)
            if self._is_settled([finding], TRUSTED if operation == INSTALL else ABSENT):
                return Finding(finding.state, (*notes, *finding.evidence))
        if self._session.refusal:
            notes += (f"the right {macos_right.RIGHT} would be allowed to everybody for the write, and put back",)
        if operation != INSTALL:
            is_asked = self._changes().plan_removal([anchor.der])
            after, said = ABSENT, f"{self._keychain} would lack it"
        else:
            self._changes().plan_trust(anchor.der)
            is_asked = self._session.is_asked
            after, said = TRUSTED, f"the {DOMAINS[self._domain]} domain would trust it for TLS servers"
        if is_asked:
            return Finding(NEEDS_USER, ("macOS would ask the person at the screen", *notes, *self._kept()))
        return Finding(after, (said, *notes, *self._kept()))

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        if self._has_recovered([anchor], TRUSTED):
            return
        with self._permission():
            former = self._changes().trust(anchor.der)
        undo.callback(self._undo, anchor, former)

    def remove(self, anchors: Sequence[Anchor]) -> None:
        if self._has_recovered(anchors, ABSENT):
            return
        with self._permission():
            self._changes().remove([anchor.der for anchor in anchors])

    def _undo(self, anchor: Anchor, former: Former) -> None:
        with self._permission():
            self._changes().take_back(former, anchor.der)

    def _changes(self) -> Changes:
        """The same for all changes of a run. What was read ahead no longer holds with the first of them."""
        # Which a look does without.
        from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_changes import Changes

        self._ahead.clear()
        if self._made is None:
            place, limits = (self._domain, self._keychain, self._exports), (self._reading, self._patience)
            allowed = self._session.is_asked, self._session.may_empty
            self._made = Changes(self._mac, *place, *allowed, *limits, self._pauses)
        return self._made

    def _has_recovered(self, anchors: Sequence[Anchor], wanted: str) -> bool:
        """Put back the right that a former run left changed: whether nothing else is to be done."""
        if not self._is_pending:
            return False
        self._right().put_back()
        return self._is_settled([self._inspect(anchor) for anchor in anchors], wanted)

    def _is_settled(self, findings: list[Finding], wanted: str) -> bool:
        """Whether these are as wanted already. Raises HostError where they can not be changed."""
        if all(finding.state == wanted for finding in findings):
            return True
        failed = next((finding.evidence[0] for finding in findings if finding.state == FAILED), "")
        blocked = next((finding.blocked for finding in findings if wanted == TRUSTED), "")
        if failed or blocked or self._session.denial:
            raise HostError(failed or blocked or self._session.denial)
        return False

    def _finding(self, der: bytes, answer: dict[str, Any], root_of: int | None) -> Finding:
        own = answer["domains"][self._domains.index(self._domain)]["certificates"][0]
        denying = denying_domain(self._domains, answer["domains"], der)
        evidence = [*self._settings_evidence(own, root_of), *self._keychain_evidence(answer["held"])]
        evidence += self._evaluations(answer, is_expected=root_of is not None)
        evidence += self._kept()
        if root_of is not None and answer["held"] and not answer["refusal"]:
            refusal = answer.get("server_refusal")
            if not refusal:
                return Finding(TRUSTED, (*evidence, *self._notes))
            # To write the same settings once more would not help.
            return Finding(FAILED, (f"macOS trusts it, but no leaf by it: {sentence(refusal)}", *evidence))
        has_own = own["failure"] is None and denying != self._domain
        state = STALE if has_own or self._keychain in answer["held"] else ABSENT
        blocked = "" if denying is None else f"The {DOMAINS[denying]} domain of the trust settings denies it."
        return Finding(ABSENT if blocked else state, tuple(evidence), blocked)

    def _evaluations(self, answer: dict[str, Any], is_expected: bool) -> list[str]:
        """What evaluations said, of the anchor itself and of a leaf; and why, where trust ``is_expected``."""
        refusal, name = answer["refusal"], self._settings.leaf_name
        if refusal:
            reason = f": {sentence(refusal)}" if is_expected else ""
            basic = f"an evaluation by the basic X.509 policy refuses it{reason}"
            return [basic, "ssl: not evaluated, as the anchor itself is refused"]
        basic = "an evaluation by the basic X.509 policy accepts it"
        if "server_refusal" not in answer:
            return [basic, "ssl: not evaluated, as no leaf was at hand"]
        refusal = answer["server_refusal"]
        return [basic, f"ssl: refused for {name}: {sentence(refusal)}" if refusal else f"ssl: trusted for {name}"]

    def _kept(self) -> list[str]:
        """What former runs have left of a write, in words."""
        if not os.path.isdir(self._exports):
            return []
        from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_export import ways_back

        return ways_back(self._exports, self._domain)

    def _settings_evidence(self, own: dict[str, Any], root_of: int | None) -> list[str]:
        name = DOMAINS[self._domain]
        if root_of is not None:
            return [f"the {DOMAINS[root_of]} domain trusts it for TLS servers"]
        if own["failure"] is None:
            return [f"the {name} domain has trust settings of it that do not make it a root for TLS servers"]
        return [f"the {name} domain has no trust settings of it"]

    def _keychain_evidence(self, held: list[str]) -> list[str]:
        return [f"{path} holds it" for path in held] or [f"{self._keychain} lacks it"]

    @contextmanager
    def _permission(self) -> Iterator[None]:
        """Have a write permitted that macOS would refuse, where that is wanted."""
        if not (self._session.may_be_allowed and self._session.refusal):
            yield
            return
        with self._right().allowed():
            yield
        self._notes = (f"the right {macos_right.RIGHT} was allowed to everybody for the write, and put back",)

    def _right(self) -> Right:
        # Which a look does without.
        from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_right_changes import Right

        return Right(self._mac, macos_right.journal(self._settings))

    def _require_success(self, answer: dict[str, Any]) -> None:
        failure = answer["failure"]
        if failure:
            raise HostError(sentence(failure))


def _base64(der: bytes) -> str:
    return base64.b64encode(der).decode()


def find(settings: Settings) -> list[MacStore]:
    """That of the Mac which runs this, for the user who runs this."""
    has_framework = os.path.isdir(settings.path(FRAMEWORK))
    return [MacStore(this_mac(), settings, os.geteuid(), home_of(os.geteuid()))] if has_framework else []


def sought() -> list[str]:
    return [f"{FRAMEWORK} (macOS)"]
