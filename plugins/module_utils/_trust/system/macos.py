# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trust settings of a Mac: the administrator's for root, his own for a user who sits at the screen.

Who may write them is what Apple's authorization allows, which differs from version to version: see docs/macos.md.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from contextlib import ExitStack

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded
from ansible_collections.anchorage.pki.plugins.module_utils._macos.codes import describe
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
    INSTALL,
    NEEDS_USER,
    STALE,
    TRUSTED,
    Anchor,
    Finding,
)

FRAMEWORK = "/System/Library/Frameworks/Security.framework"
_SYSTEM_KEYCHAIN = "/Library/Keychains/System.keychain"
_LOGIN_KEYCHAIN = "Library/Keychains/login.keychain-db"

# Before macOS 11, root could write without being asked. 10.16 is its other name.
_ASKS_SINCE = (10, 16)
_REFUSES_OTHERWISE_SINCE = (12,)
_INTERNAL_COMPONENT, _INTERACTION_NOT_ALLOWED = -2070, -60007
# A person canceled it, or could not be asked.
_PERSON = (-128, -60006, -25308)
_OUT = "trust_anchor writes such a profile by profile_path."
_GRACE = 30.0  # seconds for the program around a write


class MacStore:
    """The domain of trust settings that the user may change, and his keychain. Times are in seconds."""

    kind = "system"
    name = "macos"
    readers = "Safari, Chrome, curl, Swift and everything that asks the system"

    def __init__(self, mac: Mac, uid: int, home: str, reading: float = 20.0, patience: float = 120.0) -> None:
        self._mac, self._reading, self._patience = mac, reading, patience
        self._domain, self._home = USER if uid else ADMIN, home
        self._keychain = os.path.join(home, _LOGIN_KEYCHAIN) if uid else _SYSTEM_KEYCHAIN
        # What root's own settings say goes for root alone.
        self._domains = domains_for(mac.version) if uid else [ADMIN, SYSTEM]
        self._session: dict[str, Any] = {}

    @property
    def obstacle(self) -> str:
        """Why macOS would refuse a write, by what the last inspection said of the session."""
        code = self._refusal() if self._session else 0
        if not code:
            return ""
        version = ".".join(map(str, self._mac.version))
        owner = "its user's" if self._domain == USER else "the administrator's"
        return (
            f"macOS {version} does not let this session change {owner} trust settings: {describe(code).sentence} {_OUT}"
        )

    def inspect(self, anchor: Anchor) -> Finding:
        keychains = list(dict.fromkeys([self._keychain, _SYSTEM_KEYCHAIN]))
        arguments = {"der": _base64(anchor), "domains": self._domains, "keychains": keychains}
        answer = ask(self._mac, "inspect_anchor", arguments, self._reading)
        self._require_success(answer)
        self._session = answer["session"]
        trust = evaluate(self._domains, answer["domains"])
        if trust.failures:
            failure = trust.failures[0]
            raise HostError(f"Its trust settings of the {DOMAINS[failure.domain]} domain: {failure.message}")
        return self._finding(anchor.der, answer, trust.roots.get(anchor.der))

    def preview(self, anchor: Anchor, operation: str) -> Finding:
        if operation == INSTALL and self._session.get("graphic") and self._asks:
            return Finding(NEEDS_USER, ("macOS would ask the person at the screen",))
        if operation == INSTALL:
            return Finding(TRUSTED, (f"the {DOMAINS[self._domain]} domain would trust it for TLS servers",))
        self._remove([anchor], is_planned=True)
        return Finding(ABSENT, (f"{self._keychain} would lack it",))

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        answer = self._write("install_anchor", {"der": _base64(anchor), "keychain": self._keychain})
        if answer["written"]:
            undo.callback(self._undo, anchor, answer)
        self._judge(answer)

    def remove(self, anchors: Sequence[Anchor]) -> None:
        self._remove(anchors, is_planned=False)

    def _remove(self, anchors: Sequence[Anchor], is_planned: bool) -> None:
        ders = [_base64(anchor) for anchor in anchors]
        arguments = {"ders": ders, "keychain": self._keychain, "may_empty": self._may_empty, "is_planned": is_planned}
        answer = self._write("remove_anchors", arguments)
        if answer["last"]:
            raise HostError(
                "macOS asks a person before it removes the last entry of the administrator's trust settings, and would "
                "wait for ever. Nothing was removed: have a person at the screen remove it in Keychain Access."
            )
        if answer["lost"] and not answer["restored"]:
            raise HostError(f"{_lost(answer)} {self._keep(answer['before'])}")
        self._judge(answer)

    def _undo(self, anchor: Anchor, answer: dict[str, Any]) -> None:
        if answer["before"] is None and not self._may_empty:
            raise HostError("The trust settings were empty before, and macOS lets nobody empty them unattended.")
        keychain = self._keychain if answer["added"] else None
        arguments = {"der": _base64(anchor), "keychain": keychain, "before": answer["before"]}
        try:
            self._judge({"lost": [], **self._write("restore_settings", arguments)})
        except HostError as error:
            if answer["before"] is None:
                raise
            raise HostError(f"{error} {self._keep(answer['before'])}") from error

    def _keep(self, export: str) -> str:
        """Keep what could not be put back; the sentence that says where."""
        from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_export import keep_export

        return keep_export(self._home, self._domain, base64.b64decode(export))

    @property
    def _asks(self) -> bool:
        """Whether a person is asked before a write, where there is one."""
        return self._domain == USER or self._mac.version >= _ASKS_SINCE

    @property
    def _may_empty(self) -> bool:
        """Whether the last entry can be removed: from 11 on a person is always asked for that."""
        return not self._asks or bool(self._session.get("graphic"))

    def _refusal(self) -> int:
        """The status with which macOS would refuse a write at once; 0 where it would not."""
        if self._session["graphic"] or not self._asks:
            return 0
        if self._domain == ADMIN and self._mac.version < _REFUSES_OTHERWISE_SINCE:
            return _INTERNAL_COMPONENT
        unguarded = self._domain == ADMIN and not self._session["protected"]
        return 0 if unguarded else _INTERACTION_NOT_ALLOWED

    def _finding(self, der: bytes, answer: dict[str, Any], root_of: int | None) -> Finding:
        own = answer["domains"][self._domains.index(self._domain)]["certificates"][0]
        denying = denying_domain(self._domains, answer["domains"], der)
        evidence = [*self._settings_evidence(own, root_of), *self._keychain_evidence(answer["held"])]
        evidence.append(f"an evaluation by the basic X.509 policy {'accepts' if answer['accepted'] else 'refuses'} it")
        evidence.append("ssl: not evaluated, as no leaf was at hand")
        has_own = own["failure"] is None and denying != self._domain
        if root_of is not None and answer["held"] and answer["accepted"]:
            return Finding(TRUSTED, tuple(evidence))
        state = STALE if has_own or self._keychain in answer["held"] else ABSENT
        blocked = "" if denying is None else f"The {DOMAINS[denying]} domain of the trust settings denies it."
        return Finding(ABSENT if blocked else state, tuple(evidence), blocked)

    def _settings_evidence(self, own: dict[str, Any], root_of: int | None) -> list[str]:
        name = DOMAINS[self._domain]
        if root_of is not None:
            return [f"the {DOMAINS[root_of]} domain trusts it for TLS servers"]
        if own["failure"] is None:
            return [f"the {name} domain has trust settings of it that do not make it a root for TLS servers"]
        return [f"the {name} domain has no trust settings of it"]

    def _keychain_evidence(self, held: list[str]) -> list[str]:
        return [f"{path} holds it" for path in held] or [f"{self._keychain} lacks it"]

    def _write(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        given = {**arguments, "domain": self._domain, "patience": self._patience}
        answer: dict[str, Any] = ask(self._mac, operation, given, self._patience + _GRACE)
        return answer

    def _judge(self, answer: dict[str, Any]) -> None:
        """Raises UserNeeded where only a person is missing and nothing was changed, HostError for all else."""
        if answer["lost"]:
            raise HostError(_lost(answer))
        if answer["waited"]:
            raise UserNeeded(
                f"Nobody at the screen confirmed it within {self._patience:g} seconds. Run the task again when "
                "somebody is there."
            )
        failure = answer["failure"]
        if failure and failure["code"] in _PERSON:
            raise UserNeeded(describe(failure["code"], failure["message"]).sentence)
        self._require_success(answer)

    def _require_success(self, answer: dict[str, Any]) -> None:
        failure = answer["failure"]
        if failure and failure["code"] is not None:
            raise HostError(describe(failure["code"], failure["message"]).sentence)
        if failure:
            raise HostError(f"{failure['message']}.")


def _lost(answer: dict[str, Any]) -> str:
    """What macOS lost of others, and what became of that."""
    done = "They were put back" if answer["restored"] else "They could not be put back at once"
    return (
        f"macOS lost other entries of its trust settings as it wrote them (SHA-1 {', '.join(answer['lost'])}). "
        f"{done}: run it again when nothing else changes them."
    )


def _base64(anchor: Anchor) -> str:
    return base64.b64encode(anchor.der).decode()


def find(settings: Settings) -> list[MacStore]:
    """That of the Mac which runs this, for the user who runs this."""
    has_framework = os.path.isdir(settings.path(FRAMEWORK))
    return [MacStore(this_mac(), os.geteuid(), os.path.expanduser("~"))] if has_framework else []


def sought() -> list[str]:
    return [f"{FRAMEWORK} (macOS)"]
