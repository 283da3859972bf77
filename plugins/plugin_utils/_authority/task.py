# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task of certificate_authority: what is planned, and done in the authority's folder and in files outside of it.

Only here are files written that somebody else is to take, the requests and certificates by which authorities ask and
answer one another: the authority that check mode makes writes none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.answer import Given
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.delegation import (
    answer_to,
    delegate,
    plan_delegation,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.development_proxy import (
    ProxyPlan,
    carry_out_proxy,
    plan_proxy,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.imported import OFFER, Import, imported_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import IssuingRequest, Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.planned import planned_passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import (
    ProvisioningPlan,
    PublishRoot,
    carry_out,
    plan_provisioning,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proxy_folder import ProxyFolder, proxy_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import Part, Step, request_warnings
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import (
    authority_result,
    delegation_result,
    policy_result,
    provisioning_diff,
    proxy_result,
    warnings_for,
    with_warnings,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import serialization
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.public_files import PublicFile, public_file

#: The options whose values are text in PEM, or files with it.
GIVEN = ("issuing_certificate", "root_certificate", "sign_request", "import_certificate", "import_key")


@dataclass(frozen=True)
class TaskPlan:
    """What a task is about to do in the authority's folder, and the ``further`` steps for the request of another
    controller. ``proxy`` is None where no development proxy is asked about."""

    provisioning: ProvisioningPlan
    further: tuple[str, ...]
    proxy: ProxyPlan | None = None

    def result(self, authority: Authority | None, now: datetime, diff: bool) -> dict[str, Any]:
        """The plan as a result; ``authority`` is the one that warnings are about, None for none."""
        plan = self.provisioning
        steps = [*map(str, plan.steps), *self.further, *(self.proxy.steps if self.proxy else ())]
        result = {"changed": bool(steps), "steps": steps, "folder": str(plan.folder), **policy_result(plan.policy)}
        is_answered = plan.answer is not None and plan.answer.certificate is not None
        has_issuer = is_answered or bool(authority and authority.issuers)
        result["issuing_awaited"] = plan.policy.external_root and not has_issuer
        if diff:
            result["diff"] = provisioning_diff(plan, self.further, self.proxy.lines() if self.proxy else None)
        # In check mode, the authority is the one before the answer.
        is_former = is_answered and authority is plan.authority
        awaited = request_warnings(authority, now) if authority and not is_former else []
        return with_warnings(
            result, [*warnings_for(plan.policy, authority), *awaited, *self._of_import(authority, now)]
        )

    def _of_import(self, authority: Authority | None, now: datetime) -> list[str]:
        """What to say of an imported root while it is in use, with the way to another one."""
        imported = self.provisioning.imported
        if imported is not None:
            return [*imported_warnings(imported.certificate, now), OFFER]
        if authority is None or not authority.has_imported_root:
            return []
        warnings = imported_warnings(authority.root.certificate, now)
        return [*warnings, OFFER] if warnings else []


@dataclass(frozen=True)
class AuthorityTask:
    """The arguments of a task, with the content of files in place of their names. ``common_name`` is that of a new
    authority which is given none."""

    folder: Path
    options: Mapping[str, Any]
    common_name: str
    certificates: tuple[Given, ...]
    importing: Import | None
    request: Given | None
    request_file: PublicFile | None
    signed_file: PublicFile | None
    proxy: ProxyFolder | None
    passphrases: Passphrases
    now: datetime

    def plan(self) -> TaskPlan:
        """Compare it with what is there; changes nothing. Raises PkiError."""
        plan = plan_provisioning(
            self.folder,
            self.options,
            self.common_name,
            self.now,
            self.certificates,
            self.passphrases.tokens,
            self.importing,
        )
        plan = with_request_file(plan, self.request_file)
        proxy = plan_proxy(self.proxy, plan.authority, plan.policy, self.now) if self.proxy else None
        if self.request is None:
            return TaskPlan(plan, (), proxy)
        delegation = plan_delegation(self.request, plan.authority, plan.policy)
        return TaskPlan(plan, delegation.steps(plan.authority, self.signed_file), proxy)

    def on_planned(self, folder: Path, common_name: str) -> AuthorityTask:
        """The same on the authority that check mode has made in ``folder``."""
        passphrases = planned_passphrases(self.passphrases)
        return replace(self, folder=folder, common_name=common_name, passphrases=passphrases)

    def carry_out(self, plan: TaskPlan, publish_root: PublishRoot | None) -> tuple[Authority, dict[str, Any]]:
        """Do what was planned, under the folder's lock which the caller holds; the authority, and what a play may want
        to know of it. Raises PkiError."""
        authority = carry_out(plan.provisioning, self.passphrases, self.now, publish_root)
        if self.request_file is not None and authority.request is not None:
            self.request_file.write(_pem(authority.request))
        result = authority_result(authority)
        if self.request is not None:
            # Once more, since an authority that is new had no names before.
            delegation = plan_delegation(self.request, authority, authority.policy)
            certificate = delegate(delegation, authority, self.passphrases, self.now)
            answer = answer_to(certificate, authority)
            if self.signed_file is not None:
                self.signed_file.write(answer)
            result |= delegation_result(certificate, answer)
        if self.proxy is not None:
            # Once more, since the root may have been made or renewed.
            proxy_plan = plan_proxy(self.proxy, authority, authority.policy, self.now)
            result |= proxy_result(carry_out_proxy(proxy_plan, authority, self.passphrases, self.now), self.proxy)
        return authority, result


def authority_task(
    folder: Path,
    arguments: Mapping[str, Any],
    passphrases: Passphrases,
    common_name: str,
    given: Mapping[str, Given | None],
    now: datetime,
) -> AuthorityTask:
    """The task with these ``arguments``; ``given`` has the content of those in :data:`GIVEN`. Raises PkiError."""
    certificates = (given["issuing_certificate"], given["root_certificate"])
    return AuthorityTask(
        folder,
        arguments,
        common_name,
        tuple(each for each in certificates if each is not None),
        _import(given, arguments["import_passphrase"]),
        given["sign_request"],
        public_file("issuing_request_path", arguments["issuing_request_path"]),
        public_file("signed_certificate_path", arguments["signed_certificate_path"]),
        proxy_folder(arguments["development_proxy"]),
        passphrases,
        now,
    )


def _import(given: Mapping[str, Given | None], passphrase: str | None) -> Import | None:
    certificate, key = given["import_certificate"], given["import_key"]
    return None if certificate is None or key is None else Import(certificate, key, passphrase)


def with_request_file(plan: ProvisioningPlan, file: PublicFile | None) -> ProvisioningPlan:
    """The plan with the step that writes ``file``, where the request that is awaited is not there. Raises PkiError."""
    request = plan.authority.request if plan.authority else None
    is_answered = plan.answer is not None and plan.answer.certificate is not None
    if file is None or request is None or is_answered or file.holds(_pem(request)):
        return plan
    step = Step(Part.REQUEST_FILE, request.number, f"{file.path} does not hold it")
    return replace(plan, steps=(*plan.steps, step))


def _pem(request: IssuingRequest) -> bytes:
    return request.request.public_bytes(serialization.Encoding.PEM)
