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
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import (
    AnchorCertificate,
    identify_anchor,
    parse_anchor,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.ledger_proofs import (
    enter_proofs,
    proofs_of,
    seen_kinds,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.profile import plan_profile, write_profile
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust_action import (
    ANCHOR_SPEC,
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
        if purge and (arguments["certificate"] is not None or arguments["src"] is not None):
            raise PkiError("purge_superseded: only an authority knows its former roots. Leave certificate and src out.")
        if arguments["profile_path"] is not None and not present:
            raise PkiError("profile_path: goes with state=present. Macs lose the anchor with the profile they have.")
        authority = self.named_authority(arguments, task_vars)
        text, source = self.anchor_text(arguments, authority)
        now = datetime.now(timezone.utc)
        anchor = parse_anchor(text, source, now) if present else identify_anchor(text, source)
        profile = self._profile(arguments["profile_path"], anchor, authority)
        former = _former(authority, purge) if present else _others(authority)
        operation = INSTALL if present else REMOVE
        result = self.ask_host(operation, anchor, arguments, task_vars, authority, former)
        if authority and not self.check_mode:
            host = self.host_of(task_vars)
            as_root = self._connection.become is not None and not self._is_become_unprivileged()
            proofs = proofs_of(result, [root.sha256 for root in former])
            kinds = seen_kinds(result, asked_kinds(operation, arguments), as_root)
            leaving = _leaving(authority, present)
            result = with_warnings(result, enter_proofs(authority.ledger_path, host, proofs, kinds, now, leaving))
        return _joined(result, profile) if profile else result

    def _profile(
        self, option: str | None, anchor: AnchorCertificate, authority: Authority | None
    ) -> dict[str, Any] | None:
        """Write the profile of the anchor, or of all roots of the ``authority`` that are to be trusted, whatever the
        host can do with them; what the task's result says of it. The former profile of an authority is replaced."""
        if option is None:
            return None
        anchors, first = [anchor], anchor.sha256
        if authority is not None:
            anchors = identified(sorted(authority.anchors(), key=lambda root: root.number))
            first = authority.roots[0].sha256
        profile = plan_profile(option, anchors, first)
        if profile.changed and not self.check_mode:
            write_profile(profile)
        return {"path": str(profile.path), "changed": profile.changed, "diff": profile.diff()}


def _former(authority: Authority | None, purge: bool) -> list[AnchorCertificate]:
    """The roots that hosts lose once they trust the active one."""
    return identified(authority.superseded()) if authority and purge else []


def _others(authority: Authority | None) -> list[AnchorCertificate]:
    """All roots but the active one. A renewed root has the key of the former ones: while one of them is trusted, all of
    them are."""
    return identified(root for root in authority.roots if root != authority.root) if authority else []


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
