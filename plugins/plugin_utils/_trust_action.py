# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions of an anchor share: which certificate a task means, and how its host is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible import constants
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import DEFAULT_KINDS, FILES, KIND_NAMES
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Request
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import INSPECT, INSTALL, REMOVE, Anchor
from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores.messages import FORMATS
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import MOST_ENTRIES, encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._action import AUTHORITY_SPEC, PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._anchor_download import download, shown_url
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, CertifiedKey, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.programs import ANCHOR
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import (
    AnchorCertificate,
    identify_anchor,
    parse_anchor,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.fingerprints import require_fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.leaf_proof import LeafProof, leaf_proof
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.results import OTHER_ROOT_REMEDY, trust_result
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.truststores import wanted_truststores

# The ways to name a certificate, of which an entry of a list has one.
SOURCES: dict[str, Any] = {
    "certificate": {"type": "str"},
    "src": {"type": "path"},
    "url": {"type": "str"},
    "authority": {"type": "path"},
}
ANCHOR_SPEC: dict[str, Any] = {
    **AUTHORITY_SPEC,
    "certificate": {"type": "str"},
    "src": {"type": "path"},
    "anchors": {"type": "list", "elements": "dict", "options": {**SOURCES, "sha256": {"type": "str"}}},
    "stores": {"type": "list", "elements": "str", "choices": list(KIND_NAMES)},
    "java_keystore_password": {"type": "str", "no_log": True},
    "truststores": {
        "type": "list",
        "elements": "dict",
        "options": {
            "path": {"type": "str", "required": True},
            "format": {"type": "str", "choices": list(FORMATS), "required": True},
            "password": {"type": "str", "no_log": True},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "mode": {"type": "raw"},
        },
    },
}
# No real root comes near this size, and a device or a wrong path might never end.
LARGEST_CERTIFICATE = 1024 * 1024
# The result of a task with an empty list.
NOTHING: dict[str, Any] = {"changed": False, "stores": [], "others": [], "purged": []}


@dataclass(frozen=True, slots=True)
class Chosen:
    """The anchors that a task is about, each once, the one of which the result is about first. ``sources`` are the
    words for each of a list. ``authorities`` are those whose roots are among them."""

    anchors: Sequence[AnchorCertificate]
    authorities: Sequence[Authority] = ()
    sources: Sequence[str] = ()


class TrustAction(PkiAction):
    """An action about one anchor on one host, or about several."""

    # An authority beside them is no contradiction: it may be the default of the action group for all tasks.
    CONDITIONS = {"mutually_exclusive": [("certificate", "src", "anchors")]}

    def chosen(self, operation: str, arguments: dict[str, Any], task_vars: dict[str, Any], now: datetime) -> Chosen:
        """The anchors that the task names, fit to be installed where that is the ``operation``. Raises PkiError, which
        names the entry that is to blame."""
        if arguments["anchors"] is not None:
            return self._listed(operation, arguments["anchors"], task_vars, now)
        authority = None
        if arguments["certificate"] is None and arguments["src"] is None:
            authority = self.authority(arguments["authority"], task_vars)
        text, source = self._anchor_text(arguments, authority, "")
        anchor = _read(operation, text, source, now)
        if authority is None:
            return Chosen([anchor])
        beside = identified(authority.anchors()[1:]) if operation != REMOVE else []
        return Chosen([anchor, *beside], [authority])

    def _listed(
        self, operation: str, entries: Sequence[dict[str, Any]], task_vars: dict[str, Any], now: datetime
    ) -> Chosen:
        """The anchors of a list. The roots of an authority that go together are all meant."""
        found: dict[str, tuple[AnchorCertificate, str]] = {}
        authorities: dict[Path, Authority] = {}
        for number, entry in enumerate(entries):
            at = f"anchors[{number}]"
            authority = self._authority_of(entry, at, task_vars)
            text, source = self._anchor_text(entry, authority, f"{at}, ")
            anchors = [_read(operation, text, source, now)]
            if entry["sha256"] is not None:
                require_fingerprint(anchors[0], entry["sha256"], source)
            if authority is not None:
                authorities[authority.folder] = authority
                anchors += identified(authority.roots if operation == REMOVE else authority.anchors())
            for anchor in anchors:
                found.setdefault(anchor.sha256, (anchor, source.removeprefix(f"{at}, ")))
        if len(found) > MOST_ENTRIES:
            raise PkiError(f"anchors: has more than {MOST_ENTRIES} certificates. Divide them among several tasks.")
        anchors, sources = (
            [anchor for anchor, _source in found.values()],
            [source for _anchor, source in found.values()],
        )
        return Chosen(anchors, list(authorities.values()), sources)

    def _authority_of(self, entry: Mapping[str, Any], at: str, task_vars: dict[str, Any]) -> Authority | None:
        """The authority that an entry of a list names, None for one with another anchor. Raises PkiError."""
        if sum(entry[name] is not None for name in SOURCES) != 1:
            raise PkiError(f"{at}: names no certificate, or two. Give it one of {', '.join(SOURCES)}.")
        if entry["url"] is not None and entry["sha256"] is None:
            raise PkiError(
                f"{at}: url needs sha256, the fingerprint of the certificate, since whoever serves the URL could give "
                "another one."
            )
        return self.authority(entry["authority"], task_vars) if entry["authority"] is not None else None

    def _anchor_text(self, named: Mapping[str, Any], authority: Authority | None, at: str) -> tuple[bytes, str]:
        """The PEM that a task or the entry ``at`` some place names, of the ``authority`` if that is named, and the
        words for it in errors. Raises PkiError."""
        if authority is not None:
            return to_pem(authority.root.certificate).encode(), f"{at}authority {authority.folder}"
        if named["certificate"] is not None:
            return named["certificate"].encode(errors="surrogateescape"), f"{at}certificate"
        if named["src"] is None:
            source, run_folder = f"{at}url {shown_url(named['url'])}", Path(constants.DEFAULT_LOCAL_TMP)
            return download(named["url"], source, LARGEST_CERTIFICATE, run_folder), source
        path, content = self.controller_file(f"{at}src", named["src"], LARGEST_CERTIFICATE)
        return content, f"{at}src {path}"

    def ask_host(
        self,
        operation: str,
        chosen: Chosen,
        arguments: dict[str, Any],
        task_vars: dict[str, Any],
        superseded: Sequence[AnchorCertificate] = (),
    ) -> dict[str, Any]:
        """Have the host inspect, install or remove the anchors in the stores and with the password that the task's
        ``arguments`` name, in one round trip where nothing has to change, two otherwise. An inspection looks for roots
        of their authorities that are to be trusted no more, too."""
        kinds, password = asked_kinds(operation, arguments), arguments["java_keystore_password"]
        named = (arguments["truststores"] or []) if FILES in kinds else []
        truststores = wanted_truststores(named)
        if password or any(truststore["password"] for truststore in named):
            self.keep_arguments_off_disk()
        now, (anchor, *further), left, proof = datetime.now(timezone.utc), chosen.anchors, [], LeafProof()
        if chosen.authorities and operation != REMOVE:  # which is of all roots
            untrusted = identified(root for authority in chosen.authorities for root in authority.untrusted())
            left = [root for root in untrusted if root not in chosen.anchors]
            if anchor.sha256 == chosen.authorities[0].root.sha256:
                proof = leaf_proof(chosen.authorities[0], self.host_of(task_vars), now)
        sought, unwanted = (left, []) if operation == INSPECT else ([], [] if superseded else left)
        request = Request(
            *(operation, _message(anchor), kinds, password or "", _messages(superseded), proof.name, proof.chain),
            allow_authorization_change=arguments.get("allow_authorization_change", False),
            further=_messages([*further, *sought]),
            truststores=truststores,
        )
        answer = self.look_at_host(ANCHOR, "anchor_deployment", encode(request), task_vars)
        own = {each.name for each in (*chosen.anchors, *_roots(chosen.authorities))}
        result = trust_result(answer, own, *(_names(each) for each in (further, sought, unwanted)))
        return _told(result, chosen, sought, operation, now)


def _read(operation: str, text: bytes, source: str, now: datetime) -> AnchorCertificate:
    """What is to be installed has to be fit for that; all else may have expired."""
    return parse_anchor(text, source, now) if operation == INSTALL else identify_anchor(text, source)


def _told(
    result: dict[str, Any], chosen: Chosen, sought: Sequence[AnchorCertificate], operation: str, now: datetime
) -> dict[str, Any]:
    """The result of a host, with what each of its anchors is, and what there is to warn of."""
    sources: Sequence[dict[str, str]] = [{"source": source} for source in chosen.sources] or [{}] * len(chosen.anchors)
    shown = [{**_shown(each, now), **source} for each, source in zip(chosen.anchors, sources, strict=True)]
    result["anchor"] = shown[0]
    for told, each in zip(result.get("further_anchors", []), shown[1:], strict=False):
        told.update(each)
    for told, anchor in zip(result.get("superseded_anchors", []), sought, strict=False):
        told.update(_shown(anchor, now))
    judged = chosen.anchors if chosen.sources else chosen.anchors[:1]
    warnings = [warning for each in judged for warning in each.warnings]
    stays = _warnings(result) if operation == REMOVE else []
    if warnings or stays:
        result["warnings"] = [*result.get("warnings", []), *warnings, *stays]
    return result


def asked_kinds(operation: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds of stores that a task is about. What is removed goes from everywhere, unless it says otherwise. Files
    are among them where the task names some. Raises PkiError."""
    kinds = arguments["stores"]
    if arguments["truststores"]:
        return tuple(kinds if kinds is not None else KIND_NAMES if operation == REMOVE else (*DEFAULT_KINDS, FILES))
    if kinds == [FILES] and operation != REMOVE:
        raise PkiError("stores: of the kind files, there are those that truststores names. Give it, or other kinds.")
    known = kinds if kinds is not None else KIND_NAMES if operation == REMOVE else DEFAULT_KINDS
    return tuple(kind for kind in known if kind != FILES)


def _roots(authorities: Iterable[Authority]) -> list[AnchorCertificate]:
    return identified(root for authority in authorities for root in authority.roots)


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
