# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host as a function: it has certificates, keeps the staples that it is given, and notes what it is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import replace
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import INSTALLED, ActivationOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import Removal, RemovedLeaf
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer, Answers, Question
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import (
    DeployedStaple,
    DeployedStapleGeneration,
    StapleDelivery,
    StapleDeployment,
    StapleInquiry,
    StapleInspection,
)
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import decode, encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import fingerprint
from ansible_collections.anchorage.pki.tests.unit.roots import pem_of
from cryptography import x509

OPERATIONS = ("inspect", "fetch", "deploy", "remove")


@dataclass
class StapleHost:
    """``files`` are its certificates by their paths, leaf and chain; ``responder`` is what it reaches. It fails in what
    it ``loses``, and has another certificate at ``renewed`` by the time that something is deployed."""

    files: dict[str, Sequence[x509.Certificate]]
    responder: Callable[[Question], Answer] = lambda question: Answer(question.name, failure="nobody is there")
    staples: dict[str, DeployedStaple] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    deliveries: list[StapleDelivery] = field(default_factory=list)
    loses: str = ""
    renewed: str = ""

    def __call__(self, arguments: dict[str, Any]) -> dict[str, Any]:
        (operation,) = set(OPERATIONS).intersection(arguments)
        self.calls.append(operation)
        if operation == self.loses:
            return {"failed": True, "msg": "the server does not come back"}
        return encode(getattr(self, f"_{operation}")(arguments[operation]))

    def _inspect(self, entries: list[Any]) -> StapleInspection:
        found = tuple(self._found(decode(StapleInquiry, entry)) for entry in entries)
        return StapleInspection(ActivationOutcome(), found, ("left-over",), ("a notice",), INSTALLED)

    def _found(self, inquiry: StapleInquiry) -> DeployedStaple:
        former = self.staples.get(inquiry.name, DeployedStaple(inquiry.name, inquiry.certificate))
        if inquiry.certificate not in self.files:
            return replace(former, problem=f"{inquiry.certificate}: there is no such file.")
        leaf, *chain = self.files[inquiry.certificate]
        if inquiry.issuer:
            chain = list(self.files[inquiry.issuer])
        return replace(former, certificate=_pem([leaf]), chain=_pem(chain))

    def _fetch(self, entries: list[Any]) -> Answers:
        asked = [decode(Question, entry) for entry in entries]
        self.questions += asked
        return Answers(False, tuple(self.responder(question) for question in asked))

    def _deploy(self, entries: list[Any]) -> StapleDeployment:
        deliveries = [decode(StapleDelivery, entry) for entry in entries]
        self.deliveries += deliveries
        confirmed = tuple(self._deployed(delivery) for delivery in deliveries)
        return StapleDeployment(True, ActivationOutcome(reloaded=True), confirmed, withdrawal=INSTALLED)

    def _deployed(self, delivery: StapleDelivery) -> DeployedStapleGeneration:
        former = self.staples.get(delivery.name, DeployedStaple(delivery.name, delivery.path))
        assert delivery.expected_generation == former.generation
        replaced = delivery.path == self.renewed
        staple = replace(
            former,
            drift=() if delivery.action == "repair" else former.drift,
            unserved=(),
            failures=delivery.failures,
            failure=delivery.failure,
            next_attempt=delivery.next_attempt,
        )
        if delivery.action == "staple":
            staple = replace(
                staple,
                generation=former.generation + 1,
                leaf_sha256=fingerprint(x509.load_pem_x509_certificate(delivery.certificate.encode())),
                staple=b"" if replaced else delivery.staple,
                damage="",
                withdrawn="",
            )
        self.staples[delivery.name] = staple
        digest = hashlib.sha256(staple.staple).hexdigest() if staple.staple else ""
        return DeployedStapleGeneration(staple.name, staple.generation, staple.leaf_sha256, digest, replaced)

    def _remove(self, names: list[str]) -> Removal:
        removed = tuple(RemovedLeaf(name, self.staples.pop(name, None) is not None) for name in names)
        return Removal(any(each.removed for each in removed), removed)


def _pem(certificates: Sequence[x509.Certificate]) -> str:
    return b"".join(map(pem_of, certificates)).decode()
