# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which certificates are listed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.entries import Entry
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import (
    Listed,
    Selection,
    selected,
    state_of,
)

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)
LEAF = Entry(
    "ab" * 32,
    "a1b2c3",
    "leaf",
    "cd" * 32,
    LeafPlace("web1", "/etc/pki/anchorage", "app"),
    ("app.test", "*.app.test"),
    "controller",
    NOW - DAY,
    NOW + 30 * DAY,
    "deployed",
    None,
    "",
    None,
)
ENTRIES = {
    "app": LEAF,
    "other host": replace(LEAF, sha256="01" * 32, serial="1", place=LeafPlace("web2", "/srv", "app")),
    "other name": replace(
        LEAF, sha256="02" * 32, serial="2", place=LeafPlace("web1", "/srv", "db"), names=("db.test",)
    ),
    "ended": replace(LEAF, sha256="03" * 32, serial="3", not_after=NOW, status="superseded"),
    "revoked": replace(LEAF, sha256="04" * 32, serial="4", not_after=NOW, status="revoked", reason="superseded"),
    "soon": replace(LEAF, sha256="05" * 32, serial="5", not_after=NOW + DAY, status="signed"),
    "beyond ASCII": replace(
        LEAF, sha256="07" * 32, serial="7", place=LeafPlace("web3", "/srv", "x"), names=("www.xn--strae-oqa.test",)
    ),
    "root": replace(LEAF, sha256="06" * 32, serial="6", kind="root", place=LeafPlace("", "", ""), names=()),
}


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(), {"app", "other host", "other name", "ended", "revoked", "soon", "beyond ASCII"}),
        (Selection(host="web2"), {"other host"}),
        (Selection(name="db"), {"other name"}),
        (Selection(state="deployed"), {"app", "other host", "other name", "beyond ASCII"}),
        (Selection(state="signed"), {"soon"}),
        (Selection(state="ended"), {"ended"}),
        (Selection(state="revoked"), {"revoked"}),
        (Selection(state="superseded"), set()),
        (Selection(ends_within=DAY), {"soon"}),
        (Selection(ends_within=2 * DAY, host="web2"), set()),
        (Selection(search="A1:B2:C3"), {"app"}),
        (Selection(search="00a1b2c3"), {"app"}),
        (Selection(search="06"), {"root"}),
        (Selection(search="06060606"), {"root"}),
        (Selection(search="AB:AB:AB:AB"), {"app"}),
        (Selection(search="ababab"), set()),
        (Selection(search="DB.test"), {"other name"}),
        (Selection(search="*.app"), {"app", "other host", "ended", "revoked", "soon"}),
        (Selection(search="nothing"), set()),
        (Selection(search=" Straße.test"), {"beyond ASCII"}),
        (Selection(search="日本"), set()),
        (Selection(search="straße corp"), set()),
    ],
)
def test_what_fits_is_listed(selection: Selection, names: set[str]) -> None:
    every = [Listed("Corp", entry) for entry in ENTRIES.values()]
    chosen = {listed.entry.sha256 for listed in selected(every, selection, NOW)}
    assert {name for name, entry in ENTRIES.items() if entry.sha256 in chosen} == names


def test_it_is_sorted_by_authority_host_and_path() -> None:
    every = [Listed(authority, ENTRIES[name]) for authority in "BA" for name in ("other host", "other name", "app")]
    order = [
        (listed.authority, listed.entry.place.host, listed.entry.place.path)
        for listed in selected(every, Selection(), NOW)
    ]
    assert order == sorted(order)


def test_a_revoked_leaf_stays_revoked_after_its_end() -> None:
    assert [state_of(ENTRIES[name], NOW) for name in ("app", "soon", "ended", "revoked")] == [
        "deployed",
        "signed",
        "ended",
        "revoked",
    ]


def test_what_no_run_deploys_has_states_of_its_own() -> None:
    requested = replace(LEAF, private_key="requester", status="signed")
    assert state_of(requested, NOW) == "requested"
    assert state_of(replace(requested, status="superseded"), NOW) == "superseded"
    assert state_of(replace(requested, status="revoked"), NOW) == "revoked"
    assert state_of(requested, NOW + 60 * DAY) == "ended"
    for_tests = replace(LEAF, private_key="test", status="superseded")
    assert [state_of(for_tests, NOW + days * DAY) for days in (0, 60)] == ["test", "test"]
