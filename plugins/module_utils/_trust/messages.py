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
from ansible_collections.anchorage.pki.plugins.module_utils._wire import codec
from ansible_collections.anchorage.pki.plugins.module_utils._wire.choices import choices

# Each user of a host may have several.
MOST_STORES = 100_000


@dataclass(frozen=True)
class Request:
    """What the host has to do with an anchor in its stores of these kinds, with the ``further`` ones that go with it
    while an authority's root gives way to another, and with the former anchors of the same authority, which go once the
    anchor is trusted.

    ``leaf_chain`` is a leaf by the anchor with its issuer, in PEM, for a host that can evaluate it as that of the
    server ``leaf_name``; both are empty for none. With ``allow_authorization_change``, macOS may be made to allow the
    change meanwhile. ``truststores`` are files that the task names, as truststores/messages.py packs them.
    """

    operation: str = codec.choice(OPERATIONS)
    anchor: Anchor = codec.message(Anchor)
    stores: tuple[str, ...] = choices(KIND_NAMES, DEFAULT_KINDS)
    java_keystore_password: str = codec.text("", no_log=True)
    superseded: tuple[Anchor, ...] = codec.messages(Anchor)
    leaf_name: str = codec.text("")
    leaf_chain: tuple[str, ...] = codec.texts()
    allow_authorization_change: bool = codec.flag(False)
    further: tuple[Anchor, ...] = codec.messages(Anchor)
    truststores: str = codec.text("", no_log=True)


@dataclass(frozen=True)
class PurgedAnchor:
    """A former anchor that was to go from a store: what the store said of it before, and says now."""

    name: str = codec.line()
    sha256: str = codec.digest()
    before: Finding = codec.message(Finding)
    after: Finding = codec.message(Finding)


@dataclass(frozen=True)
class StoreOutcome:
    """What became of an anchor in one store. In check mode, what would become of it. ``anchor`` is its name, empty
    where that is the request's own, or any of its anchors, as where stores could not be looked for."""

    kind: str = codec.choice(KIND_NAMES)
    name: str = codec.line(longest=LONGEST_SENTENCE)
    readers: str = codec.line(longest=LONGEST_SENTENCE)
    state: str = codec.choice(STATES)
    changed: bool = codec.flag()
    before: Finding = codec.message(Finding)
    evidence: tuple[str, ...] = codec.lines(longest=LONGEST_SENTENCE)
    purged: tuple[PurgedAnchor, ...] = codec.messages(PurgedAnchor)
    anchor: str = codec.line("")


@dataclass(frozen=True)
class Answer:
    """The host's answer: one outcome for each store that it has, and the paths of all anchors that this collection
    installed in the system's store, whichever authority they are of."""

    stores: tuple[StoreOutcome, ...] = codec.messages(StoreOutcome, MOST_STORES)
    installed: tuple[str, ...] = codec.lines()
