# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What crosses between controller and host about staples of certificates that are not ours. Digests are SHA-256 in
hexadecimal, "" for what is not there; certificates are PEM, staples DER; generation 0 is none; moments are seconds
since 1970-01-01 UTC, 0 for none."""

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
    digest,
    flag,
    line,
    lines,
    message,
    messages,
    number,
    text,
)
from ansible_collections.anchorage.pki.plugins.module_utils._wire.content import content

# What an OCSP client reads of an answer at most.
LARGEST_STAPLE = 64 * 1024
LATEST_MOMENT = 253402300799  # in the year 9999

STAPLE = "staple"
REPAIR = "repair"
NOTE = "note"
CHANGES = (STAPLE, REPAIR, NOTE)


@dataclass(frozen=True)
class StapleInquiry:
    """What the controller asks about one staple: that of the ``certificate`` at this path on the host, whose issuer
    follows in the same file, or is in the file ``issuer``."""

    name: str = text()
    certificate: str = text()
    issuer: str = text("")


@dataclass(frozen=True)
class DeployedStaple:
    """The certificate that the host has at ``path``, with what may be its issuers, or the ``problem`` with reading
    them or with having a link beside it; and what is deployed for it.

    ``leaf_sha256`` is of the certificate that the deployed ``staple`` is for. ``damage``, ``drift``, ``unserved`` and
    ``withdrawn`` are those of a leaf. ``failures`` is how often in a row no staple could be had, ``failure`` why not,
    the last time, and ``next_attempt`` when to try again.
    """

    name: str = line()
    path: str = text()
    certificate: str = text("")
    chain: str = text("", longest=4 * LARGEST_STAPLE)
    problem: str = line("")
    generation: int = number(0, LARGEST_GENERATION)
    leaf_sha256: str = digest("")
    staple: bytes = content(b"", LARGEST_STAPLE)
    damage: str = line("")
    drift: tuple[str, ...] = lines(most=20)
    unserved: tuple[str, ...] = lines(most=20)
    withdrawn: str = line("")
    failures: int = number(0)
    failure: str = line("")
    next_attempt: int = number(0, LATEST_MOMENT)


@dataclass(frozen=True)
class StapleInspection:
    """A host's answer to inquiries, in their order, and what it says of leaves, too."""

    activation: ActivationOutcome = message(ActivationOutcome)
    certificates: tuple[DeployedStaple, ...] = messages(DeployedStaple)
    others: tuple[str, ...] = lines()
    notices: tuple[str, ...] = lines()
    withdrawal: str = choice(WITHDRAWALS, NOT_NEEDED)


@dataclass(frozen=True)
class StapleDelivery:
    """What a host has to deploy for the certificate at ``path``, on top of ``expected_generation``.

    ``certificate`` is the one that the ``staple`` is for, which the host compares with what it has. No ``staple`` takes
    the place of the former one. What is to be remembered of attempts is written in any case, with ``note`` that alone.
    """

    name: str = text()
    path: str = text()
    action: str = choice(CHANGES)
    expected_generation: int = number(0, LARGEST_GENERATION)
    certificate: str = text("")
    staple: bytes = content(b"", LARGEST_STAPLE)
    failures: int = number(0)
    failure: str = text("")
    next_attempt: int = number(0, LATEST_MOMENT)


@dataclass(frozen=True)
class DeployedStapleGeneration:
    """Which generation is deployed now, and what is in it. With ``replaced``, the host had another certificate than the
    one that the staple is for, and has no staple for it."""

    name: str = line()
    generation: int = number(largest=LARGEST_GENERATION)
    leaf_sha256: str = digest()
    staple_sha256: str = digest()
    replaced: bool = flag()


@dataclass(frozen=True)
class StapleDeployment:
    """A host's answer to deliveries."""

    changed: bool = flag()
    activation: ActivationOutcome = message(ActivationOutcome)
    certificates: tuple[DeployedStapleGeneration, ...] = messages(DeployedStapleGeneration)
    notices: tuple[str, ...] = lines()
    withdrawal: str = choice(WITHDRAWALS, NOT_NEEDED)
