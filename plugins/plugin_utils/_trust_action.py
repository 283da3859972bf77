# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions of an anchor share: which certificate a task means, and how its host is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import DEFAULT_KINDS, KIND_NAMES
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import INSPECT, REMOVE, Anchor
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, CertifiedKey, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.programs import ANCHOR
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import AnchorCertificate, identify_anchor
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.leaf_proof import LeafProof, leaf_proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.results import OTHER_ROOT_REMEDY, trust_result

ANCHOR_SPEC: dict[str, Any] = {
    **AUTHORITY_SPEC,
    "certificate": {"type": "str"},
    "src": {"type": "path"},
    "stores": {"type": "list", "elements": "str", "choices": list(KIND_NAMES)},
    "java_keystore_password": {"type": "str", "no_log": True},
}
# No real root comes near this size, and a device or a wrong path might never end.
LARGEST_CERTIFICATE = 1024 * 1024


class TrustAction(PkiAction):
    """An action about one anchor on one host."""

    # An authority beside them is no contradiction: it may be the default of the action group for all tasks.
    CONDITIONS = {"mutually_exclusive": [("certificate", "src")]}

    def named_authority(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> Authority | None:
        """The authority that the task names; None where it names another anchor. Raises PkiError."""
        if arguments["certificate"] is not None or arguments["src"] is not None:
            return None
        return self.authority(arguments["authority"], task_vars)

    def anchor_text(self, arguments: dict[str, Any], authority: Authority | None) -> tuple[bytes, str]:
        """The PEM that the task names, of the ``authority`` if that is named, and the words for it in errors. Raises
        PkiError."""
        if authority is not None:
            return to_pem(authority.root.certificate).encode(), f"authority {authority.folder}"
        if arguments["certificate"] is not None:
            return arguments["certificate"].encode(errors="surrogateescape"), "certificate"
        path, content = self.controller_file("src", arguments["src"], LARGEST_CERTIFICATE)
        return content, f"src {path}"

    def ask_host(
        self,
        operation: str,
        anchor: AnchorCertificate,
        arguments: dict[str, Any],
        task_vars: dict[str, Any],
        authority: Authority | None,
        superseded: Sequence[AnchorCertificate] = (),
    ) -> dict[str, Any]:
        """Have the host inspect, install or remove the anchor, with what the ``authority`` that it is of wants trusted
        beside it, in the stores and with the password that the task's ``arguments`` name, in one round trip where
        nothing has to change, two otherwise. An inspection looks for roots that are to be trusted no more, too."""
        kinds, password = asked_kinds(operation, arguments), arguments["java_keystore_password"]
        if password:
            self.keep_arguments_off_disk()
        now, further, left, proof = datetime.now(timezone.utc), [], [], LeafProof()
        if authority and operation != REMOVE:  # which is of all roots, by the superseded ones
            further, left = identified(authority.anchors()[1:]), identified(authority.untrusted())
            proof = leaf_proof(authority, self.host_of(task_vars), now)
        sought, unwanted = (left, []) if operation == INSPECT else ([], [] if superseded else left)
        request = Request(
            *(operation, _message(anchor), kinds, password or "", _messages(superseded), proof.name, proof.chain),
            allow_authorization_change=arguments.get("allow_authorization_change", False),
            further=_messages([*further, *sought]),
        )
        own = {anchor.name, *(root.name for root in identified(authority.roots if authority else ()))}
        answer = self.look_at_host(ANCHOR, "anchor_deployment", encode(request), task_vars)
        result = trust_result(answer, own, *(_names(each) for each in (further, sought, unwanted)))
        result["anchor"] = _shown(anchor, now)
        for key, anchors in (("further_anchors", further), ("superseded_anchors", sought)):
            for told, each in zip(result.get(key, []), anchors, strict=False):
                told.update(_shown(each, now))
        stays = _warnings(result) if operation == REMOVE else []
        if anchor.warnings or stays:
            result["warnings"] = [*result.get("warnings", []), *anchor.warnings, *stays]
        return result


def asked_kinds(operation: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds of stores that a task is about. What is removed goes from everywhere, unless it says otherwise."""
    if arguments["stores"] is not None:
        return tuple(arguments["stores"])
    return tuple(KIND_NAMES if operation == REMOVE else DEFAULT_KINDS)


def identified(roots: Iterable[CertifiedKey]) -> list[AnchorCertificate]:
    """Roots of an authority as anchors."""
    return [identify_anchor(to_pem(root.certificate).encode(), f"authority {root.folder}") for root in roots]


def _warnings(result: Mapping[str, Any]) -> list[str]:
    """What is to be said of roots of others that stay where one was removed."""
    return [
        f"{path} is the root of another authority and is still trusted: {OTHER_ROOT_REMEDY}."
        for path in result.get("others", [])
    ]


def _shown(anchor: AnchorCertificate, now: datetime) -> dict[str, Any]:
    return {
        "sha256": anchor.sha256,
        "subject": anchor.subject,
        "not_after": anchor.not_after.isoformat(),
        "expired": anchor.not_after < now,
    }


def _names(certificates: Iterable[AnchorCertificate]) -> list[str]:
    return [certificate.name for certificate in certificates]


def _messages(certificates: Iterable[AnchorCertificate]) -> tuple[Anchor, ...]:
    return tuple(_message(certificate) for certificate in certificates)


def _message(certificate: AnchorCertificate) -> Anchor:
    return Anchor(certificate.name, certificate.pem, certificate.permitted_domains)
