# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller has a host do about its leaves, and the host's answers. Texts are PEM; generation 0 is none."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import LARGEST_FILE
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

# Of the keys that a host can make.
KEY_TYPES = ("ecdsa-p256", "ecdsa-p384", "rsa-3072", "rsa-4096", "ed25519")
LONGEST_CSR = 16 * 1024
LEAF = "leaf"
STAPLE_ONLY = "staple"
REPAIR = "repair"
CHANGES = (LEAF, STAPLE_ONLY, REPAIR)


@dataclass(frozen=True)
class WantedKey:
    """A leaf whose key the host is to make, and to keep until the leaf comes."""

    name: str = text()
    key_type: str = choice(KEY_TYPES, "ecdsa-p256", no_log=False)


@dataclass(frozen=True)
class KeyRequest:
    """The certificate request of the key that is pending on the host for a leaf."""

    name: str = line()
    csr: str = text(longest=LONGEST_CSR)


@dataclass(frozen=True)
class KeyRequests:
    """A host's answer to wanted keys, in their order, and whether it had to make any."""

    changed: bool = flag()
    certificates: tuple[KeyRequest, ...] = messages(KeyRequest)


@dataclass(frozen=True)
class Delivery:
    """What a host has to deploy of one leaf, on top of ``expected_generation``.

    A leaf without ``private_key`` gets the one that is pending on the host; ``pkcs12_passphrase`` is given where the
    host builds the bundle, since it alone has the key. Each of them may be as large as a file that a host reads.
    """

    name: str = text()
    action: str = choice(CHANGES)
    expected_generation: int = number(0, LARGEST_GENERATION)
    certificate: str = text("", LARGEST_FILE)
    chain: str = text("", LARGEST_FILE)
    private_key: str = text("", no_log=True)
    staple: bytes = content(b"", LARGEST_FILE)
    pkcs12: bytes = content(b"", LARGEST_FILE, no_log=True)
    pkcs12_passphrase: str = text("", no_log=True)


@dataclass(frozen=True)
class DeployedGeneration:
    """Which generation of a leaf is deployed now, and what it shows to clients."""

    name: str = line()
    generation: int = number(largest=LARGEST_GENERATION)
    leaf_sha256: str = digest()
    staple_sha256: str = digest()


@dataclass(frozen=True)
class Deployment:
    """A host's answer to deliveries. ``notices`` are what its user has to know and is no failure; ``withdrawal`` is
    whether staples are withdrawn there."""

    changed: bool = flag()
    activation: ActivationOutcome = message(ActivationOutcome)
    certificates: tuple[DeployedGeneration, ...] = messages(DeployedGeneration)
    notices: tuple[str, ...] = lines()
    withdrawal: str = choice(WITHDRAWALS, NOT_NEEDED)


@dataclass(frozen=True)
class RemovedLeaf:
    """Whether there was anything of a leaf to remove, or in check mode would be."""

    name: str = line()
    removed: bool = flag()


@dataclass(frozen=True)
class Removal:
    """A host's answer to names of leaves that have to be absent. ``notices`` are of what stays, and why."""

    changed: bool = flag()
    certificates: tuple[RemovedLeaf, ...] = messages(RemovedLeaf)
    notices: tuple[str, ...] = lines()


@dataclass(frozen=True)
class ShownLeaf:
    """The certificate (PEM) of a leaf that is deployed, an empty text where there is none that can be read."""

    name: str = line()
    certificate: str = text("", LARGEST_FILE)


@dataclass(frozen=True)
class Shown:
    """A host's answer to names of leaves whose certificates the controller is to see."""

    changed: bool = flag()
    certificates: tuple[ShownLeaf, ...] = messages(ShownLeaf)
