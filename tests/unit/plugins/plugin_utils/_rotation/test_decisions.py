# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a rotation is, by what hosts showed and have: the table of states, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Seen
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import COMPROMISED, Rotation, State
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.decisions import NO_HOSTS, Position, position
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.view import Terms, View

DAY = timedelta(days=1)
NOW = datetime(2026, 6, 20, 12)
APP = LeafPlace("web1", "/etc/pki/anchorage", "app")


def seen(host: str, state: str, age: timedelta = timedelta(), store: str = "system:debian") -> Seen:
    return Seen(host, store, state, NOW - age)


def view(
    state: State,
    reason: str = "test",
    in_play: Sequence[str] = ("web1",),
    leaf_hosts: Sequence[str] = (),
    old_leaves: Sequence[LeafPlace] = (),
    new_root: Sequence[Seen] = (),
    old_root: Sequence[Seen] = (),
    since: timedelta = timedelta(),
) -> View:
    rotation = Rotation(1, "1" * 64, "2" * 64, state, reason, NOW - 30 * DAY, NOW - since)
    hosts = frozenset(leaf_hosts)
    return View(rotation, frozenset(in_play), hosts, tuple(old_leaves), tuple(new_root), (tuple(old_root),), {})


def at(seen_view: View) -> Position:
    return position(seen_view, Terms(), NOW)


def blocked_by(seen_view: View) -> list[str]:
    return [blocker.host for blocker in at(seen_view).blockers]


@pytest.mark.parametrize(
    ("state", "following", "in_emergency", "can_abort"),
    [
        (State.PLANNED, State.MADE, State.MADE, True),
        (State.MADE, State.DISTRIBUTING, State.SWITCHING, True),
        (State.DISTRIBUTING, State.SWITCHING, None, True),
        (State.SWITCHING, State.DRAINING, State.PURGING, False),
        (State.DRAINING, State.PURGING, None, False),
        (State.PURGING, State.DONE, State.DONE, False),
        (State.DONE, None, None, False),
        (State.ABORTED, None, None, False),
    ],
)
def test_the_way(state: State, following: State | None, in_emergency: State | None, can_abort: bool) -> None:
    alone = replace(view(state, since=30 * DAY), exceptions={"web1": "scrapped"})
    here = at(alone)
    assert (here.state, here.next_state, here.blockers, here.can_abort) == (state, following, (), can_abort)
    assert at(view(state, COMPROMISED, since=30 * DAY)).next_state == in_emergency


@pytest.mark.parametrize("state", ["pending", "needs_user", "failed", "stale", "blocked", "unavailable", "absent"])
def test_every_store_of_a_counted_host_has_to_trust_the_new_root(state: str) -> None:
    proofs = [seen("web1", "trusted"), seen("web1", state, store="nss:/home/alice")]
    (blocker,) = at(view(State.DISTRIBUTING, new_root=proofs)).blockers
    assert (blocker.host, blocker.reason) == ("web1", f"the root is {state}, not trusted, in /home/alice")
    assert blocked_by(view(State.DISTRIBUTING, new_root=proofs[:1])) == []


def test_a_host_that_was_not_reached_blocks() -> None:
    (blocker,) = at(view(State.DISTRIBUTING)).blockers
    assert blocker.reason == "it has not shown yet what it trusts"


@pytest.mark.parametrize(("age", "counts"), [(6.9 * DAY, True), (7 * DAY, False), (30 * DAY, False)])
def test_a_proof_counts_for_a_week(age: timedelta, counts: bool) -> None:
    proofs = [seen("web1", "trusted", age), seen("web1", "trusted", age + 0.9 * DAY, "nss:/home/alice")]
    assert blocked_by(view(State.DISTRIBUTING, new_root=proofs)) == ([] if counts else ["web1"])


@pytest.mark.parametrize("state", ["absent", "failed"])
def test_what_a_clock_that_was_ahead_saw_does_not_count(state: str) -> None:
    ahead = seen("web1", "trusted", -400 * DAY, "java:/usr/lib/jvm")
    (blocker,) = at(view(State.DISTRIBUTING, new_root=[ahead])).blockers
    assert "entered by a clock that was ahead, and counts once a run has seen it again" in blocker.reason
    (blocker,) = at(view(State.DISTRIBUTING, new_root=[ahead, seen("web1", state)])).blockers
    assert blocker.reason == f"the root is {state}, not trusted, in debian"
    assert blocked_by(view(State.DISTRIBUTING, new_root=[ahead, seen("web1", "trusted")])) == []


@pytest.mark.parametrize(
    ("state", "shown", "blocks"),
    [
        (State.DISTRIBUTING, "trusted", False),
        (State.DISTRIBUTING, "absent", False),  # it was removed there, and nobody wants it any more
        (State.DISTRIBUTING, "unavailable", True),
        (State.PURGING, "absent", False),
        (State.PURGING, "trusted", True),
        (State.PURGING, "unavailable", True),
    ],
)
def test_a_kind_that_no_run_asks_for_any_more_is_settled_or_named(state: State, shown: str, blocks: bool) -> None:
    wanted = "trusted" if state is State.DISTRIBUTING else "absent"
    proofs = [seen("web1", wanted), seen("web1", shown, 20 * DAY, "java:/usr/lib/jvm")]
    told = [blocker.reason for blocker in at(view(state, new_root=proofs, old_root=proofs)).blockers]
    reason = (
        f"the root is {shown}, not {wanted}, in /usr/lib/jvm, which no run has seen since 2026-05-31: run once where "
        "it is there, with java in trust_anchor_stores, or leave the host out"
    )
    assert told == ([reason] if blocks else [])


def test_a_truststore_file_that_no_play_names_any_more_is_waited_for_until_it_is_named() -> None:
    file = "files:/etc/kafka/truststore.p12"
    proofs = [seen("web1", "absent"), seen("web1", "trusted", 200 * DAY, file)]
    (blocker,) = at(view(State.PURGING, new_root=proofs, old_root=proofs)).blockers
    assert ": name it in truststores once more, with state=absent where it is of no more use, or" in blocker.reason
    proofs[1] = seen("web1", "absent", 0 * DAY, file)
    assert blocked_by(view(State.PURGING, new_root=proofs, old_root=proofs)) == []


def test_a_store_that_lost_the_root_before_the_last_look_at_others_keeps_nobody() -> None:
    """As after `uninstall`, which asks for all kinds of stores, and the next run, which asks for less."""
    removed = seen("web1", "absent", timedelta(hours=1), "applications:applications")
    trusted = seen("web1", "trusted")
    assert blocked_by(view(State.DISTRIBUTING, new_root=[removed, trusted])) == []
    assert blocked_by(view(State.DISTRIBUTING, new_root=[removed])) == ["web1"]
    assert blocked_by(view(State.DISTRIBUTING, new_root=[removed, replace(trusted, state="absent")])) == ["web1"]


def test_hosts_count_that_are_in_play_have_a_leaf_or_had_the_old_root() -> None:
    seen_view = view(
        State.DISTRIBUTING,
        in_play=["web1"],
        leaf_hosts=["web2"],
        old_root=[seen("web3", "trusted", 300 * DAY), seen("web4", "absent"), seen("web5", "stale")],
    )
    assert blocked_by(seen_view) == ["web1", "web2", "web3", "web5"]
    assert seen_view.still_trusting == {"web3", "web5"}
    narrowed = replace(seen_view, in_play=frozenset({"web2"}))
    assert blocked_by(narrowed) == ["web2", "web3", "web5"]


@pytest.mark.parametrize("state", [State.DISTRIBUTING, State.PURGING])
def test_where_nobody_is_named_it_stays(state: State) -> None:
    nobody = view(state, in_play=[])
    (blocker,) = at(nobody).blockers
    assert (blocker.host, blocker.reason) == ("", NO_HOSTS)
    assert "-i INVENTORY" in NO_HOSTS
    for leaf_hosts, blocked in (({"web1"}, True), ({"localhost", "web1"}, True), ({"localhost"}, False)):
        shown = (seen("localhost", "trusted"), seen("web1", "trusted"))
        gone = (seen("localhost", "absent"), seen("web1", "absent"))
        known = replace(nobody, leaf_hosts=frozenset(leaf_hosts), new_root=shown, old_roots=(gone,))
        assert blocked_by(known) == ([""] if blocked else [])


def test_a_host_that_is_an_exception_is_not_waited_for() -> None:
    old = view(State.PURGING, in_play=["web1", "web2"], old_leaves=[APP])
    assert blocked_by(replace(old, exceptions={"web1": "scrapped"})) == ["web2"]


@pytest.mark.parametrize("state", [State.SWITCHING, State.DRAINING, State.PURGING])
def test_nothing_goes_on_while_a_leaf_below_the_old_root_is_in_use(state: State) -> None:
    gone = [seen("web1", "absent")]
    assert blocked_by(view(state, old_leaves=[APP], old_root=gone, since=30 * DAY)) == ["web1"]
    assert blocked_by(view(state, old_root=gone, since=30 * DAY)) == []


@pytest.mark.parametrize(("since", "over"), [(6.9 * DAY, False), (7 * DAY, True)])
def test_the_old_root_stays_for_clients_that_nobody_manages(since: timedelta, over: bool) -> None:
    here = at(view(State.DRAINING, since=since))
    assert [blocker.host for blocker in here.blockers] == ([] if over else [""])


def test_without_an_overlap_nothing_is_waited_for_whatever_the_clock_said() -> None:
    ahead = view(State.DRAINING, since=-400 * DAY)
    assert position(ahead, Terms(overlap=timedelta()), NOW).blockers == ()
    assert blocked_by(ahead) == [""]


def test_the_old_root_has_to_be_gone_with_all_its_certificates() -> None:
    gone, left = (seen("web1", "absent"),), (seen("web1", "trusted"),)
    purging = view(State.PURGING)
    for old_roots, blocked in (((gone, gone), []), ((gone, left), ["web1"]), ((gone, ()), ["web1"]), (((),), ["web1"])):
        assert blocked_by(replace(purging, old_roots=old_roots)) == blocked
