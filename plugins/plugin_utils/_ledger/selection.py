# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which certificates of a ledger are listed, as a pure choice."""

from __future__ import annotations

import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.entries import Entry
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import REQUESTER, TEST
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.names import parse_host_name

REVOKED = "revoked"
ENDED = "ended"
REQUESTED = "requested"
#: What can be said of a certificate. One that is revoked stays so after its end; one for tests is nothing else.
STATES = ("deployed", "signed", REQUESTED, "superseded", REVOKED, ENDED, TEST)
# As few digits of a fingerprint as are looked for: with less, something else is meant.
_SHORTEST_FINGERPRINT = 8


class Listed(NamedTuple):
    """A certificate, the name of the authority whose ledger has it, and the file that this was exported to, empty for a
    ledger of this controller."""

    authority: str
    entry: Entry
    file: str = ""


@dataclass(frozen=True)
class Selection:
    """What is to be listed: leaves, by all that is given; with ``search`` also other certificates, by their serial
    number, their fingerprint, or part of a name."""

    host: str = ""
    name: str = ""
    state: str = ""
    ends_within: timedelta | None = None
    search: str = ""


def selected(every: Iterable[Listed], selection: Selection, now: datetime) -> list[Listed]:
    """Those of a ledger's certificates that are to be listed, by host, path and time."""
    chosen = [listed for listed in every if _is_meant(listed.entry, selection, now)]
    return sorted(chosen, key=lambda listed: (listed.authority, listed.entry.place.host, listed.entry.place.path))


def state_of(entry: Entry, now: datetime) -> str:
    """One of STATES."""
    if entry.status == REVOKED:
        return REVOKED
    if entry.private_key == TEST:
        return TEST
    if entry.not_after <= now:
        return ENDED
    return REQUESTED if entry.private_key == REQUESTER and entry.status == "signed" else entry.status


def _is_meant(entry: Entry, selection: Selection, now: datetime) -> bool:
    return (
        (entry.kind == "leaf" or bool(selection.search))
        and selection.host in ("", entry.place.host)
        and selection.name in ("", entry.place.name)
        and selection.state in ("", state_of(entry, now))
        and (selection.ends_within is None or now < entry.not_after <= now + selection.ends_within)
        and (not selection.search or any(_is_found(entry, each) for each in _spellings(selection.search)))
    )


def _spellings(search: str) -> tuple[str, ...]:
    """What is looked for: the text itself, and where it is a DNS name beyond ASCII, also as certificates have it."""
    searched = search.strip().lower()
    if searched.isascii():
        return (searched,)
    try:
        return (searched, parse_host_name(searched))
    except PkiError:  # part of a subject, which is any text
        return (searched,)


def _is_found(entry: Entry, searched: str) -> bool:
    digits = searched.replace(":", "")
    if digits and set(digits) <= set(string.hexdigits):
        is_fingerprint = len(digits) >= _SHORTEST_FINGERPRINT and entry.sha256.startswith(digits)
        if is_fingerprint or digits.lstrip("0") == entry.serial:
            return True
    return any(searched in name.lower() for name in (entry.place.name, *entry.names))
