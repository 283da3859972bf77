# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to a host about its staples for certificates of other authorities. Its answers are matched as those about
leaves are."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer, Answers, Question
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import (
    StapleDelivery,
    StapleDeployment,
    StapleInquiry,
    StapleInspection,
)
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.host import CallHost, ask


def inspect(call: CallHost, inquiries: Sequence[StapleInquiry], activation: Activation | None) -> StapleInspection:
    """What the host has of each certificate that is asked about, in that order. Raises PkiError, HostFailedError."""
    arguments = {"inspect": encode(inquiries), "activate": encode(activation)}
    return ask(call, arguments, StapleInspection, [inquiry.name for inquiry in inquiries])


def fetch(call: CallHost, questions: Sequence[Question]) -> tuple[Answer, ...]:
    """What the host gets from responders, in the order of the questions. Raises PkiError, HostFailedError."""
    names = [question.name for question in questions]
    return ask(call, {"fetch": encode(questions)}, Answers, names).certificates


def deploy(call: CallHost, deliveries: Sequence[StapleDelivery], activation: Activation | None) -> StapleDeployment:
    """Have the host deploy all of ``deliveries``, or none. Raises PkiError, HostFailedError."""
    arguments = {"deploy": encode(deliveries), "activate": encode(activation)}
    return ask(call, arguments, StapleDeployment, [delivery.name for delivery in deliveries])
