# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What crosses between controller and host about anchors."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._trust.kinds import DEFAULT_KINDS, KIND_NAMES
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    LONGEST_SENTENCE,
    OPERATIONS,
    STATES,
    Anchor,
    Finding,
)
from ansible_collections.anchorage.pki.plugins.module_utils._wire.choices import choices
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import (
    choice,
    digest,
    flag,
    line,
    lines,
    message,
    messages,
    text,
)

# Each user of a host may have several.
MOST_STORES = 100_000


@dataclass(frozen=True)
class Request:
    """What the host has to do with an anchor in its stores of these kinds, with the ``further`` ones that go with it
    while an authority's root gives way to another, and with the former anchors of the same authority, which go once the
    anchor is trusted."""

    operation: str = choice(OPERATIONS)
    anchor: Anchor = message(Anchor)
    stores: tuple[str, ...] = choices(KIND_NAMES, DEFAULT_KINDS)
    java_keystore_password: str = text("", no_log=True)
    superseded: tuple[Anchor, ...] = messages(Anchor)
    further: tuple[Anchor, ...] = messages(Anchor)


@dataclass(frozen=True)
class PurgedAnchor:
    """A former anchor that was to go from a store: what the store said of it before, and says now."""

    name: str = line()
    sha256: str = digest()
    before: Finding = message(Finding)
    after: Finding = message(Finding)


@dataclass(frozen=True)
class StoreOutcome:
    """What became of an anchor in one store. In check mode, what would become of it. ``anchor`` is its name, empty
    where that is the request's own, or any of its anchors, as where stores could not be looked for."""

    kind: str = choice(KIND_NAMES)
    name: str = line(longest=LONGEST_SENTENCE)
    readers: str = line(longest=LONGEST_SENTENCE)
    state: str = choice(STATES)
    changed: bool = flag()
    before: Finding = message(Finding)
    evidence: tuple[str, ...] = lines(longest=LONGEST_SENTENCE)
    purged: tuple[PurgedAnchor, ...] = messages(PurgedAnchor)
    anchor: str = line("")


@dataclass(frozen=True)
class Answer:
    """The host's answer: one outcome for each store that it has, and the paths of all anchors that this collection
    installed in the system's store, whichever authority they are of."""

    stores: tuple[StoreOutcome, ...] = messages(StoreOutcome, MOST_STORES)
    installed: tuple[str, ...] = lines()
