# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What crosses between controller and host about leaves. Digests are SHA-256 in hexadecimal, "" for what is not there;
texts are PEM; generation 0 is none."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import (
    choice,
    digest,
    flag,
    line,
    lines,
    message,
    messages,
    number,
    seconds,
    text,
    texts,
)

# The folder of a generation has nine digits at most.
LARGEST_GENERATION = 999_999_999
# The year 9999, as of certificates without an end (RFC 5280, section 4.1.2.5).
LARGEST_MOMENT = 253_402_300_799

# Whether staples are withdrawn on the host before they end.
INSTALLED = "installed"
NOT_NEEDED = "not needed"
UNAVAILABLE = "unavailable"
WITHDRAWALS = (INSTALLED, NOT_NEEDED, UNAVAILABLE)


@dataclass(frozen=True)
class Inquiry:
    """What the controller asks about one leaf.

    ``keep`` is the digest of the leaf that it would keep, ``keep_chain`` that of its chain.pem; ``keep_pkcs12`` is
    whether it would keep it with a PKCS#12 file. Where it would not, a new leaf is needed, with a key that the host
    makes where ``host_key`` says so. With ``staple`` a server there needs a way to get one. ``withdraw_at`` is when the
    staple of the leaf that it would keep has to be withdrawn at the latest, seconds since 1970-01-01 UTC; 0 for never.
    """

    name: str = text()
    host_key: bool = flag(False, no_log=False)
    keep: str = digest("")
    keep_chain: str = digest("")
    keep_pkcs12: bool = flag(False, no_log=False)
    staple: bool = flag(False)
    withdraw_at: int = number(0, LARGEST_MOMENT)


@dataclass(frozen=True)
class DeployedLeaf:
    """A leaf as it is deployed. ``damage`` says why the generation cannot be kept, ``drift`` what a repair would fix
    without a new key, certificate or staple, ``unserved`` why a server has to be made to use it again. ``withdrawn`` is
    when its staple was withdrawn, which then counts as none."""

    name: str = line()
    generation: int = number(0, LARGEST_GENERATION)
    leaf_sha256: str = digest("")
    chain_sha256: str = digest("")
    staple_sha256: str = digest("")
    pkcs12: bool = flag(False)
    damage: str = line("")
    drift: tuple[str, ...] = lines(most=20)
    unserved: tuple[str, ...] = lines(most=20)
    withdrawn: str = line("")


@dataclass(frozen=True)
class Probe:
    """One place where the leaf ``certificate`` has to be served, and its staple where ``staple`` says so. Without
    ``server_name``, none is asked for."""

    certificate: str = text()
    address: str = text("127.0.0.1")
    port: int = number(443, 65535)
    server_name: str = text("")
    staple: bool = flag(True)


@dataclass(frozen=True)
class Activation:
    """What makes a server use new files. Without commands and probes nothing is done; ``timeout`` in seconds.

    With ``server_commands`` the host reloads the server by the command that it has for that, and tests it so too unless
    there is a ``test``.
    """

    test: tuple[str, ...] = texts()
    reload: tuple[str, ...] = texts()
    timeout: float = seconds(30.0)
    probes: tuple[Probe, ...] = messages(Probe)
    server_commands: bool = flag(False)


@dataclass(frozen=True)
class ProbeFinding:
    """What a probe saw of ``leaf`` and ``staple``; ``detail`` is why the staple could not be probed."""

    certificate: str = line()
    address: str = line()
    port: int = number(largest=65535)
    leaf: str = line()
    staple: str = line()
    detail: str = line("")


@dataclass(frozen=True)
class ActivationOutcome:
    """Whether the configuration was tested and the server reloaded, and what each probe saw."""

    tested: bool = flag(False)
    reloaded: bool = flag(False)
    probes: tuple[ProbeFinding, ...] = messages(ProbeFinding)


@dataclass(frozen=True)
class Inspection:
    """A host's answer to inquiries, in their order, what the probes saw that is as it should be, the names of the
    destination's other leaves, what its user has to know and is no failure, and whether staples are withdrawn there, or
    would be."""

    activation: ActivationOutcome = message(ActivationOutcome)
    certificates: tuple[DeployedLeaf, ...] = messages(DeployedLeaf)
    others: tuple[str, ...] = lines()
    notices: tuple[str, ...] = lines()
    withdrawal: str = choice(WITHDRAWALS, NOT_NEEDED)
