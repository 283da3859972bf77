# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results and the diffs of requested_certificate and certificate_for_tests, and requested leaves in the results of
others; nothing of it is secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import CERTIFICATE, CHAIN, FULL_CHAIN
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import RequestedLeaf
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import certificate_result, timestamp
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.plan import due_reason
from ansible_collections.anchorage.pki.plugins.plugin_utils._undeployed.request import SigningRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import profile_of
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.lifetimes import LEAF_REMAINDER
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import names_of, shown


def requested_result(leaves: Iterable[RequestedLeaf], authority: Authority, now: datetime) -> list[dict[str, Any]]:
    """The leaves that were signed for requests, and why another one is due, null where none is."""
    return [
        {
            "name": leaf.name,
            "names": [name.value for name in names_of(leaf.certificate)],
            "due": due_reason(leaf, authority, now) or None,
            **certificate_result(leaf.certificate, leaf.sha256),
        }
        for leaf in leaves
    ]


def request_fields(request: SigningRequest) -> dict[str, Any]:
    """What the leaf has and has not of what its request asks for."""
    return {
        "name": request.name,
        "names": [name.value for name in request.names],
        "not_requested": list(request.not_requested),
        "left_out": list(request.left_out),
    }


def leaf_fields(certificate: x509.Certificate, contents: Mapping[str, str]) -> dict[str, Any]:
    """The leaf itself, with its files as texts."""
    return {
        **certificate_result(certificate, fingerprint(certificate)),
        "certificate": contents[CERTIFICATE],
        "chain": contents[CHAIN],
        "fullchain": contents[FULL_CHAIN],
    }


def renewal_field(certificate: x509.Certificate) -> dict[str, str]:
    """From when on the task signs another one."""
    end = certificate.not_valid_after_utc
    return {"renew_at": timestamp(end - (end - certificate.not_valid_before_utc) * LEAF_REMAINDER)}


def leaf_lines(certificate: x509.Certificate | None) -> list[str]:
    """A leaf that is there, for the diff."""
    if certificate is None:
        return []
    profile = profile_of(certificate)
    return [
        f"names: {shown(names_of(certificate))}\n",
        f"profile: {profile.value if profile else 'another one'}\n",
        f"serial number: {certificate.serial_number:x}\n",
        f"until: {timestamp(certificate.not_valid_after_utc)}\n",
    ]


def wanted_lines(names: str, profile: str, until: str) -> list[str]:
    """A leaf that is signed, for the diff: the same in check mode as in the run itself."""
    return [f"names: {names}\n", f"profile: {profile}\n", "serial number: another one\n", f"until: {until}\n"]


def undeployed_diff(title: str, before: Sequence[str], after: Sequence[str], paths: Sequence[str]) -> dict[str, str]:
    """The leaf before and after, and the files that are written."""
    files = [f"written: {path}\n" for path in paths]
    return {
        "before_header": title,
        "after_header": title,
        "before": "".join(before),
        "after": "".join([*after, *files]),
    }
