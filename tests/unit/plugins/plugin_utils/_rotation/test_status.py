# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status of a rotation, in the words that a tired administrator reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, fingerprint
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.proofs import Proof, Seen
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.decisions import NO_HOSTS, position
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.keys import awaited_issuers, needless_keys
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.status import Status, status_lines
from ansible_collections.anchorage.pki.plugins.plugin_utils._rotation.view import Terms, read_view
from ansible_collections.anchorage.pki.tests.unit.rotations import rotated

DAY = timedelta(days=1)


def status(
    authority: Authority,
    now: datetime,
    in_play: Sequence[str] = ("web1",),
    exceptions: Mapping[str, str] | None = None,
    new_root: Sequence[Seen] = (),
    old_root: Sequence[Seen] = (),
) -> Status:
    """The status of the authority's last rotation, by what hosts are said to have shown."""
    with open_ledger(authority.ledger_path, read_only=True) as ledger:
        view = read_view(ledger, authority, ledger.rotations.all()[-1], in_play, now)
    view = replace(view, exceptions=exceptions or {}, new_root=tuple(new_root), old_roots=(tuple(old_root),))
    return Status(authority, view, position(view, Terms(), now), Terms(), {})


def test_distributing_names_who_blocks_who_is_left_out_and_every_command(
    own_authority: Authority, now: datetime
) -> None:
    authority = rotated(own_authority, State.DISTRIBUTING, now)
    seen = [Seen("web1", "nss:/home/\x1b[31malice", "needs_user", now)]
    told = status(authority, now, ["web1", "web2", "web3"], {"web2": "scrapped in May"}, seen)
    roots = [epoch.root for epoch in authority.epochs]
    command = "ansible-playbook -i INVENTORY anchorage.pki.rotate_authority -e anchorage_rotate_step="
    assert status_lines(told) == [
        f"Rotation of the root of the authority in {authority.folder}",
        "State: distributing (3 of 7), since 2026-06-01 12:00 UTC. Hosts are to trust both roots. Leaves are below the "
        "old one.",
        "Begun: 2026-06-01 12:00 UTC, test",
        "Next:  switching, once every host that counts has shown that it trusts the new root.",
        "Overlap: 7 days, for which the old root stays once no leaf below it is in use.",
        f"Old root: {roots[0].certificate.subject.rfc4514_string()}, SHA-256 {roots[0].sha256}",
        f"New root: {roots[1].certificate.subject.rfc4514_string()}, SHA-256 {roots[1].sha256}",
        "Counted: 3 hosts: web1, web2, web3",
        "Waits for 2 hosts:",
        "  web1: the root is needs_user, not trusted, in /home/ [31malice",
        "  web3: it has not shown yet what it trusts",
        "Left out, not waited for:",
        "  web2: scrapped in May",
        f"Go on:    {command}continue",
        f"Give up:  {command}abort",
        f"Leave a host out: {command}leave_out -e anchorage_rotate_host=web1 -e anchorage_rotate_reason=scrapped",
        f"Wait for one again: {command}wait_for -e anchorage_rotate_host=web2",
    ]


def test_where_nobody_is_named_it_says_so_from_the_beginning(own_authority: Authority, now: datetime) -> None:
    planned = rotated(own_authority, State.PLANNED, now)
    assert NO_HOSTS in status_lines(status(planned, now, ()))
    assert NO_HOSTS not in status_lines(status(planned, now))


def test_once_it_is_done_a_host_that_came_later_is_not_suspected(own_authority: Authority, now: datetime) -> None:
    authority = rotated(own_authority, State.DONE, now)
    seen = [Seen("web1", "system:debian", "absent", now), Seen("web2", "system:debian", "trusted", now)]
    left_out = {"web3": "scrapped"}
    told = status(authority, now, ["web1", "web2", "web3", "web9"], left_out, old_root=seen)
    assert told.may_trust == {
        "web2": "trusts it, as far as is known",
        "web3": "has not shown yet whether it trusts it",
    }
    assert status(authority, now, ["web1", "web9"], old_root=seen[:1]).may_trust == {}
    assert not any("web9" in line for line in status_lines(told))


def test_draining_says_when_it_is_over(own_authority: Authority, now: datetime) -> None:
    lines = status_lines(status(rotated(own_authority, State.DRAINING, now), now + DAY))
    assert "Next:  purging, once the old root has stayed until 2026-06-08 12:00 UTC, 7 days." in lines
    assert not any(line.startswith("Waits for") for line in lines)
    assert lines[-1].startswith("Give up:  not any more")


def test_of_a_revoked_cross_certificate_it_says_that(own_authority: Authority, now: datetime) -> None:
    rotating = rotated(own_authority, State.DISTRIBUTING, now)
    cross = rotating.epochs[1].cross
    assert cross is not None
    with open_ledger(rotating.ledger_path) as ledger, ledger.transaction():
        ledger.revocations.enter(fingerprint(cross), "key_compromise", None, now)
    told = status(read_authority(rotating.folder), now)
    assert not told.has_cross
    warned = [line for line in status_lines(told) if "cross certificate" in line]
    assert [line.partition(",")[0] for line in warned] == ["The cross certificate is revoked"]


def test_without_a_cross_certificate_it_says_what_that_means(folder_of_0_2_0: Path, now: datetime) -> None:
    authority, later = read_authority(folder_of_0_2_0), now + 365 * DAY
    for state in (State.PLANNED, State.DISTRIBUTING):
        with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
            for rotation in ledger.rotations.all()[-1:]:
                ledger.rotations.move(rotation, State.ABORTED, later)
        rotating = rotated(read_authority(folder_of_0_2_0), state, later)
        told = status(rotating, later)
        assert not told.has_cross
        (line,) = (line for line in status_lines(told) if "may sign no other root" in line)
        assert "From switching on, clients that know the old root alone refuse leaves of the new one" in line
        assert "have every client trust the new root before that" in line


def test_with_one_there_is_nothing_to_say(own_authority: Authority, now: datetime) -> None:
    planned = status(rotated(own_authority, State.PLANNED, now), now)
    assert planned.has_cross
    assert not any("cross certificate" in line for line in status_lines(planned))


def test_what_was_given_up_or_is_done_names_who_is_behind(own_authority: Authority, now: datetime) -> None:
    authority = rotated(own_authority, State.DISTRIBUTING, now)
    for state, expected in (
        (State.ABORTED, "Who trusts the new root still, as far as is known:"),
        (State.DONE, "Who trusts the old root still, or may:"),
    ):
        seen = [Seen("web1", "system:debian", "trusted", now), Seen("web2", "system:debian", "absent", now)]
        told = status(authority, now, ["web1"], None, seen, seen)
        ended = replace(told, view=replace(told.view, rotation=replace(told.rotation, state=state)))
        lines = status_lines(replace(ended, here=position(ended.view, Terms(), now)))
        (who,) = lines[lines.index(expected) + 1 : lines.index(expected) + 2]
        assert who.strip().startswith("web1")
        assert not any("web2" in line for line in lines)
        assert lines[-1].startswith("Another rotation: ansible-playbook -i INVENTORY ")


@pytest.mark.parametrize("ended", [State.DONE, State.ABORTED])
def test_who_trusts_a_root_of_an_earlier_rotation_is_named_in_the_next_one(
    own_authority: Authority, now: datetime, ended: State
) -> None:
    before = rotated(own_authority, ended, now)
    lost = before.epochs[0 if ended is State.DONE else 1].root
    with open_ledger(before.ledger_path) as ledger, ledger.transaction():
        for host, state in (("web7", "trusted"), ("web8", "absent"), ("web9", "failed")):
            proofs = [Proof(lost.sha256, "system", "debian", state, "0" * 64)]
            ledger.proofs.enter(host, ledger.proofs.difference(host, proofs, ("system",), now), now)
    title = "Who trusts a root still that an earlier rotation took away, or may; they lose it by"
    assert not any(line.startswith(title) for line in status_lines(status(before, now)))  # it is the last one
    for state in (State.PLANNED, State.DISTRIBUTING, State.DONE):
        lines = status_lines(status(rotated(before, state, now), now))
        (at,) = (number for number, line in enumerate(lines) if line.startswith(title))
        assert lines[at].endswith("anchorage.pki.site -e trust_anchor_purge_superseded=true:")
        subject = f"{lost.certificate.subject.rfc4514_string()}, SHA-256 {lost.sha256}"
        assert lines[at + 1 : at + 3] == [f"  web7: {subject}", f"  web9: {subject}"]
        assert "web8" not in "\n".join(lines)
        if state is not State.DONE:
            with open_ledger(before.ledger_path) as ledger, ledger.transaction():
                ledger.rotations.move(ledger.rotations.all()[-1], State.ABORTED, now)


@pytest.mark.parametrize(("ended", "stays"), [(-DAY, False), (DAY, True)])
def test_keys_stay_while_a_leaf_needs_a_list(
    own_authority: Authority, now: datetime, ended: timedelta, stays: bool
) -> None:
    authority = rotated(own_authority, State.DONE, now)
    old = authority.epochs[0].issuers[0]
    leaf_ends = {old.sha256: now + ended}
    keys = [path.relative_to(authority.folder).as_posix() for path in needless_keys(authority, leaf_ends, now)]
    assert keys == ["root/1/key.pem"] + ([] if stays else ["issuing/1/key.pem", "issuing/1/responder/1/key.pem"])
    awaited = awaited_issuers(authority, leaf_ends, now)
    assert awaited == ({old: now + DAY} if stays else {})
    lines = status_lines(replace(status(authority, now), awaited=awaited))
    assert ("The keys of issuing authority 1 stay until its last leaf has ended" in "\n".join(lines)) == stays


@pytest.mark.parametrize("state", [state for state in State if state not in (State.DONE, State.ABORTED)])
def test_no_key_goes_while_a_rotation_is_on_its_way(own_authority: Authority, now: datetime, state: State) -> None:
    assert needless_keys(rotated(own_authority, state, now), {}, now) == ()
