# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file in which whoever runs certificate_authority finds the request for an issuing certificate."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import IssuingRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import ProvisioningPlan
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.renewal import Part, Step
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import serialization
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.public_files import PublicFile


def with_request_file(plan: ProvisioningPlan, file: PublicFile | None) -> ProvisioningPlan:
    """The plan with the step that writes ``file``, where the request that is awaited is not there. Raises PkiError."""
    request = plan.authority.request if plan.authority else None
    is_answered = plan.answer is not None and plan.answer.certificate is not None
    if file is None or request is None or is_answered or file.holds(_pem(request)):
        return plan
    step = Step(Part.REQUEST_FILE, request.number, f"{file.path} does not hold it")
    return replace(plan, steps=(*plan.steps, step))


def write_request_file(authority: Authority, file: PublicFile | None) -> None:
    """Write the request that is awaited. Raises PkiError."""
    if file is not None and authority.request is not None:
        file.write(_pem(authority.request))


def _pem(request: IssuingRequest) -> bytes:
    return request.request.public_bytes(serialization.Encoding.PEM)
