# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An authority in words: the results and the diffs of certificate_authority and certificate_authority_info."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer_checks import root_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    CERTIFICATE,
    Authority,
    CertifiedKey,
    fingerprint,
    to_pem,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import IssuingRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import ProvisioningPlan
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proxy_folder import (
    OPTION,
    PROXY_CERTIFICATE,
    PROXY_KEY,
    PROXY_ROOT,
    ProxyFolder,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace, StapleTimes
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import Part, Step
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import serialization, x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import AuthorityDueError, AuthorityMissingError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import POST_QUANTUM, KeyType

ED25519_WARNING = (
    "The key type is ed25519: no browser accepts such certificates. "
    "Use ecdsa-p256 unless every client is known to be able."
)
ML_DSA_WARNING = (
    "The key type is {}: only hosts and clients with OpenSSL 3.5, or what is as new, accept such certificates, and "
    "hardly any browser does. Use ecdsa-p256 unless every client is known to be able."
)


def authority_result(authority: Authority) -> dict[str, Any]:
    """What a play may want to know of an authority; nothing of it is secret."""
    if authority.request is not None and not authority.issuers:
        return {"folder": str(authority.folder), **request_result(authority.request), **policy_result(authority.policy)}
    return {
        **(request_result(authority.request) if authority.request else {}),
        "folder": str(authority.folder),
        "root": {**certified_key_result(authority.root), "certificate": to_pem(authority.root.certificate)},
        "anchors": [certified_key_result(anchor) for anchor in authority.anchors()],
        "issuing": certified_key_result(authority.issuing),
        "responder": certified_key_result(authority.issuing.responder),
        **policy_result(authority.policy),
    }


def request_result(request: IssuingRequest) -> dict[str, Any]:
    """The request for an issuing certificate that is awaited."""
    return {
        "issuing_request": {
            "path": str(request.path),
            "subject": request.request.subject.rfc4514_string(),
            "request": request.request.public_bytes(serialization.Encoding.PEM).decode(),
        }
    }


def preflight_warnings(preflight: Callable[[], None]) -> list[str]:
    """What check mode warns of where ``preflight`` finds that certificate_authority has to run first. Raises PkiError
    for all else."""
    try:
        preflight()
    except (AuthorityDueError, AuthorityMissingError) as error:
        return [f"The run will fail unless certificate_authority has done its part before: {error}"]
    return []


def places_result(
    places: Mapping[LeafPlace, datetime], staples: Mapping[LeafPlace, StapleTimes]
) -> list[dict[str, Any]]:
    """Where the ledger says that leaves are, and the times of the staple in use there."""
    return [
        {"host": place.host, "path": place.path, "not_after": timestamp(not_after), **_times(staples.get(place))}
        for place, not_after in places.items()
    ]


def due_staples_result(staples: Mapping[LeafPlace, StapleTimes]) -> list[dict[str, Any]]:
    """Which staples are to be renewed."""
    return [{**asdict(place), "path": place.path, **_times(times)} for place, times in staples.items()]


def _times(staple: StapleTimes | None) -> dict[str, str | None]:
    return {
        "next_update": timestamp(staple.next_update) if staple else None,
        "renew_at": timestamp(staple.renew_at) if staple else None,
    }


def certified_key_result(key: CertifiedKey) -> dict[str, Any]:
    """One certificate of the authority: where it is, and what it says."""
    uri = key.key_uri
    return {
        "path": str(key.folder / CERTIFICATE),
        "key_uri": None if uri is None else str(uri),
        **certificate_result(key.certificate, key.sha256),
    }


def certificate_result(certificate: x509.Certificate, sha256: str) -> dict[str, Any]:
    """The fields that every result about a certificate has."""
    return {
        "subject": certificate.subject.rfc4514_string(),
        "serial_number": f"{certificate.serial_number:x}",
        "sha256": sha256,
        "not_before": timestamp(certificate.not_valid_before_utc),
        "not_after": timestamp(certificate.not_valid_after_utc),
    }


def policy_result(policy: Policy) -> dict[str, Any]:
    """The policy in the words of the options."""
    return {
        "key_type": policy.key_type.value,
        "unconstrained": policy.constraints is None,
        "permitted_domains": list(policy.constraints.domains) if policy.constraints else [],
        "permitted_networks": list(policy.constraints.networks) if policy.constraints else [],
        "lifetimes": asdict(policy.lifetimes),
        "urls": asdict(policy.urls),
        "external_root": policy.external_root,
    }


def timestamp(moment: Any) -> str:
    """A time as results show it: ISO 8601 in UTC, to the second."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def warnings_for(policy: Policy, authority: Authority | None = None) -> list[str]:
    """What the user should know about a policy that was accepted, and about the root of another authority."""
    warnings = key_type_warnings([policy.key_type])
    if policy.external_root and authority is not None and authority.epochs:
        warnings += root_warnings(authority.root.certificate)
    return warnings


def key_type_warnings(key_types: Iterable[KeyType]) -> list[str]:
    """What the user should know about key types that few clients take."""
    wanted = set(key_types)
    rare = [ED25519_WARNING] if KeyType.ED25519 in wanted else []
    return rare + [ML_DSA_WARNING.format(each.value) for each in POST_QUANTUM if each in wanted]


def with_warnings(result: Mapping[str, Any], warnings: Sequence[str]) -> dict[str, Any]:
    """``result`` with these warnings besides its own."""
    return {**result, "warnings": [*result.get("warnings", []), *warnings]} if warnings else dict(result)


def delegated_result(delegated: Sequence[tuple[x509.Certificate, bool]]) -> dict[str, Any]:
    """The issuing certificates of authorities that sign elsewhere, and whether each is revoked."""
    return {
        "delegated": [
            {**certificate_result(certificate, fingerprint(certificate)), "revoked": is_revoked}
            for certificate, is_revoked in delegated
        ]
    }


def delegation_result(certificate: x509.Certificate, answer: bytes) -> dict[str, Any]:
    """The issuing certificate of another controller's authority."""
    told = certificate_result(certificate, fingerprint(certificate))
    return {"signed_certificate": {**told, "certificate": answer.decode()}}


def proxy_result(proxy: CertifiedKey | None, folder: ProxyFolder) -> dict[str, Any]:
    """The authority of a development proxy, and what the proxy reads; nothing where there is none."""
    if proxy is None:
        return {}
    files = {
        "certificate": str(folder.path / PROXY_CERTIFICATE),
        "key": str(folder.path / PROXY_KEY),
        "root": str(folder.path / PROXY_ROOT),
    }
    return {OPTION: {**certified_key_result(proxy), "files": files}}


def provisioning_diff(
    plan: ProvisioningPlan, more: Sequence[str] = (), proxy: tuple[dict[str, str], dict[str, str]] | None = None
) -> dict[str, str]:
    """The authority before and after, as lines; the same in check mode as in the run itself. ``more`` are other steps
    than those of the plan, ``proxy`` the lines of a development proxy before and after."""
    proxy_before, proxy_after = proxy or ({}, {})
    before = _authority_lines(plan.authority) if plan.authority else {}
    after = before | proxy_after
    before |= proxy_before
    for step in plan.steps:
        after.update(_step_lines(step, plan.policy))
    for name, _colon, reason in (step.partition(": ") for step in more):
        after[name] = f"new ({reason})"
    header = f"authority {plan.folder}"
    return {"before_header": header, "after_header": header, "before": _text(before), "after": _text(after)}


def _authority_lines(authority: Authority) -> dict[str, str]:
    lines = _policy_lines(authority.policy)
    for root in authority.roots:
        lines[f"root certificate {root.number}"] = f"until {timestamp(root.certificate.not_valid_after_utc)}"
    for issuer in authority.issuers:
        lines[f"issuing authority {issuer.number}"] = f"until {timestamp(issuer.certificate.not_valid_after_utc)}"
        for responder in issuer.responders:
            name = f"OCSP responder {responder.number} of issuing authority {issuer.number}"
            lines[name] = f"until {timestamp(responder.certificate.not_valid_after_utc)}"
    if authority.request is not None:
        lines[f"request for issuing authority {authority.request.number}"] = "awaits the certificate"
    return lines


def _step_lines(step: Step, policy: Policy) -> dict[str, str]:
    if step.part is Part.POLICY:
        return _policy_lines(policy)
    name, _colon, reason = str(step).partition(": ")
    is_imported = bool(policy.imported_root) and step.part is Part.ROOT and step.number == 1
    if is_imported or (policy.external_root and step.part is not Part.RESPONDER):
        return {name: f"new ({reason})"}
    days = getattr(policy.lifetimes, step.part.value)
    return {name: f"new, for {days} days ({reason})"}


def _policy_lines(policy: Policy) -> dict[str, str]:
    lines = {"subject": policy.subject.common_name}
    for option, value in policy_result(policy).items():
        if option == "lifetimes":
            lines.update({f"{kind}_lifetime": f"{days} days" for kind, days in value.items()})
        elif option == "urls":
            lines.update({f"{kind}_url": url for kind, url in value.items() if url})
        elif option == "external_root":
            lines.update({option: str(value)} if value else {})
        else:
            lines[option] = ", ".join(value) if isinstance(value, list) else str(value)
    return lines


def _text(lines: dict[str, str]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in lines.items())
