# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of revocations in a run: of the certificates that its task names, of lists and of responses."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.revocations import StoredList
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.issuers import ListIssuer
from ansible_collections.anchorage.pki.plugins.plugin_utils._revocation.request import Target


@dataclass(frozen=True)
class ListOutcome:
    """The list of one issuer after a run: the last one, None where there is none, whether this run signed it, and why
    another one that is due could not be, an empty string where none is. ``awaited`` is whether that one is to tell of a
    revocation."""

    issuer: ListIssuer
    last: StoredList | None
    signed: bool
    pending: str = ""
    awaited: bool = False


@dataclass(frozen=True)
class ResponsesOutcome:
    """How many responses a run signed, and why those that are due could not be, an empty string where none is."""

    signed: int = 0
    pending: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a run did, or would do: to the certificates that its task names, as they were before, to lists and
    responses, and how many published files changed. ``failure`` is why nothing is known of all but the first, an empty
    string where it is."""

    targets: tuple[Target, ...]
    lists: tuple[ListOutcome, ...] = ()
    responses: ResponsesOutcome = ResponsesOutcome()
    published: int = 0
    failure: str = ""

    @property
    def changed(self) -> bool:
        signed = any(outcome.signed for outcome in self.lists) or self.responses.signed > 0
        return signed or self.published > 0 or any(target.changed for target in self.targets)
