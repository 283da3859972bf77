# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every trust store is asked about, and the words in which it answers. What else it owes is in contract.py."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import choice, flag, line, lines, text, texts
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import from_pem

INSPECT = "inspect"
INSTALL = "install"
REMOVE = "remove"
OPERATIONS = (INSPECT, INSTALL, REMOVE)

# What can be said of an anchor in a store.
TRUSTED = "trusted"  # everything that reads the store trusts it, and will after the next refresh
ABSENT = "absent"  # no trace of it
STALE = "stale"  # some readers trust it, or may after the next refresh: an installation or removal did not complete
PENDING = "pending"  # trusted after the next boot
NEEDS_USER = "needs_user"  # trusted once the user has confirmed it on the host
BLOCKED = "blocked"  # explicitly distrusted on the host, which overrides any trust anchor: for a person to decide
UNAVAILABLE = "unavailable"  # a program that the store needs is missing
FAILED = "failed"  # a change was tried and failed, or the store could not be read
STATES = (TRUSTED, ABSENT, STALE, PENDING, NEEDS_USER, BLOCKED, UNAVAILABLE, FAILED)

# The states in which nothing is left that the host itself could do.
SETTLED = {INSPECT: (TRUSTED,), INSTALL: (TRUSTED, PENDING, NEEDS_USER), REMOVE: (ABSENT,)}

# No real certificate comes near this size. It is what the controller reads of a file at most, in Base64.
LONGEST_PEM = 2 * 1024 * 1024
# A sentence may enumerate what several others say.
LONGEST_SENTENCE = 20_000


@dataclass(frozen=True)
class Anchor:
    """The certificate to trust: ``name`` is unique to it and fit for a file name, ``pem`` one block.

    ``permitted_domains`` are those that its name constraints permit; empty where it is limited to none.
    """

    name: str = text()
    pem: str = text(longest=LONGEST_PEM)
    permitted_domains: tuple[str, ...] = texts(most=100_000)

    @property
    def der(self) -> bytes:
        return from_pem(self.pem)

    @property
    def sha256(self) -> str:
        import hashlib  # which a look at a host does without

        return hashlib.sha256(self.der).hexdigest()


@dataclass(frozen=True)
class Finding:
    """What a store says of an anchor: a state, and the sentences that show it.

    ``blocked`` is empty, or the sentence that says where the host distrusts it. ``awaits`` is empty, or what has to
    happen on the host until ``state`` is reached. ``private`` is what another user's own store does not let root find
    out: for that user to fix, and no failure of the host, whatever the operation.
    """

    state: str = choice(STATES)
    evidence: tuple[str, ...] = lines(longest=LONGEST_SENTENCE)
    blocked: str = line("", LONGEST_SENTENCE)
    awaits: str = line("")
    private: bool = flag(False)
