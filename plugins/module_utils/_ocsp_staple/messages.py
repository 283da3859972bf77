# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What crosses between controller and host about staples for certificates of other authorities. Digests are SHA-256 in
hexadecimal, "" for what is not there; texts are PEM; generation 0 is none; times are seconds since the epoch."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    LARGEST_GENERATION,
    NOT_NEEDED,
    WITHDRAWALS,
    ActivationOutcome,
)
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import (
    choice,
    content,
    digest,
    flag,
    line,
    lines,
    message,
    messages,
    number,
    text,
)

STAPLE = "staple"
REPAIR = "repair"
NOTE = "note"
CHANGES = (STAPLE, REPAIR, NOTE)


@dataclass(frozen=True)
class StapleInquiry:
    """What the controller asks about one certificate, by its path on the host. Without ``issuer``, its issuer is looked
    for in its own file."""

    name: str = text()
    certificate: str = text()
    issuer: str = text("")


@dataclass(frozen=True)
class DeployedStaple:
    """A certificate as it is now, and the staple that is deployed for it."""

    name: str = line()
    path: str = line()
    certificate: str = text("")
    chain: str = text("")
    problem: str = line("")
    generation: int = number(0, LARGEST_GENERATION)
    leaf_sha256: str = digest("")
    staple: bytes = content(b"")
    damage: str = line("")
    drift: tuple[str, ...] = lines(most=20)
    unserved: tuple[str, ...] = lines(most=20)
    withdrawn: str = line("")
    failures: int = number(0)
    failure: str = line("")
    next_attempt: int = number(0)


@dataclass(frozen=True)
class StapleInspection:
    """A host's answer to inquiries, in their order."""

    activation: ActivationOutcome = message(ActivationOutcome)
    certificates: tuple[DeployedStaple, ...] = messages(DeployedStaple)
    others: tuple[str, ...] = lines()
    notices: tuple[str, ...] = lines()
    withdrawal: str = choice(WITHDRAWALS, NOT_NEEDED)


@dataclass(frozen=True)
class StapleDelivery:
    """What a host has to deploy for one certificate, on top of ``expected_generation``."""

    name: str = text()
    path: str = text()
    action: str = choice(CHANGES)
    expected_generation: int = number(0, LARGEST_GENERATION)
    certificate: str = text("")
    staple: bytes = content(b"")
    failures: int = number(0)
    failure: str = text("")
    next_attempt: int = number(0)


@dataclass(frozen=True)
class DeployedStapleGeneration:
    """Which generation is deployed now. ``replaced`` is whether the certificate changed meanwhile, so that no staple
    was deployed."""

    name: str = line()
    generation: int = number(largest=LARGEST_GENERATION)
    leaf_sha256: str = digest()
    staple_sha256: str = digest()
    replaced: bool = flag()


@dataclass(frozen=True)
class StapleDeployment:
    """A host's answer to deliveries, in their order."""

    changed: bool = flag()
    activation: ActivationOutcome = message(ActivationOutcome)
    certificates: tuple[DeployedStapleGeneration, ...] = messages(DeployedStapleGeneration)
    notices: tuple[str, ...] = lines()
    withdrawal: str = choice(WITHDRAWALS, NOT_NEEDED)
