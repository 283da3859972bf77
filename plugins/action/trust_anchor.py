# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action behind anchorage.pki.trust_anchor: the controller chooses the anchor, the host trusts it and proves it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import INSTALL, REMOVE
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import ISSUING, Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import with_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import AnchorCertificate
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.ledger_proofs import (
    enter_proofs,
    proofs_of,
    seen_kinds,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.profile import plan_profile, write_profile
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust_action import (
    ANCHOR_SPEC,
    NOTHING,
    Chosen,
    TrustAction,
    asked_kinds,
    identified,
)


class ActionModule(TrustAction):
    """Installs an anchor in the stores of a host, or removes it."""

    ARGUMENT_SPEC = {
        **ANCHOR_SPEC,
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "purge_superseded": {"type": "bool", "default": False},
        "profile_path": {"type": "path"},
        "allow_authorization_change": {"type": "bool", "default": False},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        present, purge = arguments["state"] == "present", arguments["purge_superseded"]
        if purge and not present:
            raise PkiError("purge_superseded: goes with state=present. Remove a former root by its own task instead.")
        if purge and any(arguments[name] is not None for name in ("certificate", "src", "anchors")):
            raise PkiError(
                "purge_superseded: only an authority knows its former roots. Leave certificate, src and anchors out."
            )
        if arguments["profile_path"] is not None and not present:
            raise PkiError("profile_path: goes with state=present. Macs lose the anchor with the profile they have.")
        now, operation = datetime.now(timezone.utc), INSTALL if present else REMOVE
        chosen = self.chosen(operation, arguments, task_vars, now)
        if not chosen.anchors:
            return dict(NOTHING)
        alone = chosen.authorities[0] if chosen.authorities and not chosen.sources else None
        profile = self._profile(arguments["profile_path"], chosen, alone)
        former = (_former(alone, purge) if present else _others(alone)) if alone else []
        result = self.ask_host(operation, chosen, arguments, task_vars, former)
        as_root = self._connection.become is not None and not self._is_become_unprivileged()
        kinds = seen_kinds(result, asked_kinds(operation, arguments), as_root)
        for authority in () if self.check_mode else chosen.authorities:
            proofs = proofs_of(result, [root.sha256 for root in former], [root.sha256 for root in authority.roots])
            entry = (self.host_of(task_vars), proofs, kinds, now, _leaving(authority, present))
            result = with_warnings(result, enter_proofs(authority.ledger_path, *entry))
        return _joined(result, profile) if profile else result

    def _profile(self, option: str | None, chosen: Chosen, alone: Authority | None) -> dict[str, Any] | None:
        """Write the profile of the chosen anchors, whatever the host can do with them; what the task's result says of
        it. The former profile of an authority, if that is ``alone``, is replaced."""
        if option is None:
            return None
        anchors, first = list(chosen.anchors), chosen.anchors[0].sha256
        if alone is not None:
            anchors = identified(sorted(alone.anchors(), key=lambda root: root.number))
            first = alone.roots[0].sha256
        profile = plan_profile(option, anchors, first)
        if profile.changed and not self.check_mode:
            write_profile(profile)
        return {"path": str(profile.path), "changed": profile.changed, "diff": profile.diff()}


def _former(authority: Authority, purge: bool) -> list[AnchorCertificate]:
    """The roots that hosts lose once they trust the active one."""
    return identified(authority.superseded()) if purge else []


def _others(authority: Authority) -> list[AnchorCertificate]:
    """All roots but the active one. A renewed root has the key of the former ones: while one of them is trusted, all of
    them are."""
    return identified(root for root in authority.roots if root != authority.root)


def _leaving(authority: Authority, present: bool) -> list[str]:
    """The fingerprints of the roots that hosts are to lose, be it later: once they are ``present``, all but those that
    sign or are about to."""
    stay = [epoch.root for epoch in authority.epochs if epoch.standing in ISSUING] if present else []
    return [root.sha256 for root in authority.roots if root not in stay]


def _joined(result: dict[str, Any], profile: dict[str, Any]) -> dict[str, Any]:
    """The result of a host with that of a profile."""
    differences = [profile.pop("diff"), *([result["diff"]] if "diff" in result else [])]
    return {
        **result,
        "changed": result.get("changed", False) or profile["changed"],
        "diff": differences,
        "profile": profile,
    }
