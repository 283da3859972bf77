# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A staple's life with a real host half, while its responder comes and goes: what is served, and what is asked.

The controller comes every hour, and the host's timer runs when it is set.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer, Answers, Question
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.inspection import inspect_staples
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import StapleDelivery, StapleInquiry
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import decode, encode
from ansible_collections.anchorage.pki.plugins.module_utils._x509.staple import read_staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.request import Fetching, StapleRequest
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.transaction import StapleTransaction
from ansible_collections.anchorage.pki.tests.unit.foreign_authority import DAY, ForeignAuthority
from ansible_collections.anchorage.pki.tests.unit.leaves import Leaf
from ansible_collections.anchorage.pki.tests.unit.roots import pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_staples import StapleHost, served_files
from cryptography import x509

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root alone installs what withdraws staples")

HOUR = timedelta(hours=1)
LIFETIME = 2 * DAY
BY_HOST = Fetching(by_controller=False, allow_private=False, digest="sha1")


@dataclass
class Life:
    """A host with one certificate, and its responder, which is ``alive`` at certain times, as time goes by."""

    host: StapleHost
    authority: ForeignAuthority
    leaf: x509.Certificate
    runs: Path
    now: datetime
    alive: Callable[[datetime], bool] = lambda _now: True
    asked: list[datetime] = field(default_factory=list)
    #: What was served from when on: the end of a staple in seconds, 0 for none.
    served: list[tuple[datetime, int]] = field(default_factory=list)

    def seconds(self) -> float:
        """The time, as the host's clock has it."""
        return self.now.timestamp()

    def call(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The host's half."""
        if "inspect" in arguments:
            asked = [decode(StapleInquiry, entry) for entry in arguments["inspect"]]
            return dict(encode(inspect_staples(asked, self.host.withdrawal)))
        if "fetch" in arguments:
            questions = [decode(Question, entry) for entry in arguments["fetch"]]
            return dict(encode(Answers(False, tuple(map(self.respond, questions)))))
        orders = [decode(StapleDelivery, entry) for entry in arguments["deploy"]]
        return dict(encode(self.host.staple(*orders)))

    def respond(self, question: Question) -> Answer:
        self.asked.append(self.now)
        if not self.alive(self.now):
            return Answer(question.name, failure="it refused the connection", transient=True)
        begins = self.now - self.authority.now
        return Answer(question.name, self.authority.response(self.leaf, begins - HOUR / 60, begins + LIFETIME))

    def go_on(self, until: datetime) -> None:
        """Let time go by, with all that happens until then."""
        while self.now < until:
            self.come_by()
            following = self.now + HOUR
            while self.host.armed is not None and self.host.armed < following.timestamp():
                self.now = max(self.now, datetime.fromtimestamp(self.host.armed, timezone.utc))
                assert self.host.withdraw(self.now.timestamp()) == 0
                self.look()
            self.now = following

    def come_by(self) -> None:
        """A run of the controller."""
        run = self.runs / f"{self.now:%s}"
        run.mkdir()
        transaction = StapleTransaction(self.call, None, BY_HOST, run, self.now)
        request = StapleRequest("app", self.host.paths["app"], "", (), b"", "")
        plans = transaction.obtain(transaction.plan([request])[0])
        transaction.carry_out(plans)
        self.look()

    def look(self) -> None:
        """Note what a server would serve from now on."""
        staple = served_files(self.host.folder)[1]
        end = read_staple(staple).end if staple else 0
        self.served.append((self.now, end))

    def ends_served(self) -> list[int]:
        """The ends of the staples that were served, one after the other."""
        ends = [end for _since, end in self.served]
        return [end for former, end in pairwise([-1, *ends]) if former != end]


@pytest.fixture
def life(
    private_folder: Path, tmp_path: Path, foreign: ForeignAuthority, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> Life:
    host = StapleHost(private_folder)
    certificate = foreign.leaf(serial=1000, ends=60 * DAY)  # due at half of its lifetime
    host.certbot.renew(Leaf(pem_of(certificate).decode(), foreign.pem, "", b""))
    life = Life(host, foreign, certificate, tmp_path, now)
    # The host's clock, by which it sets its timer.
    monkeypatch.setattr(time, "time", life.seconds)
    return life


def assert_nothing_ended_was_served(life: Life) -> None:
    """Five minutes before its end at the latest, nobody serves a staple any more."""
    for (_since, end), (until, _following) in pairwise(life.served):
        assert end == 0 or until.timestamp() <= end - 290


def test_a_staple_is_renewed_at_half_of_its_lifetime(life: Life) -> None:
    begin = life.now
    life.go_on(begin + 1.1 * LIFETIME)
    assert [round((asked - begin) / LIFETIME, 1) for asked in life.asked] == [0, 0.5, 1.0]
    assert 0 not in life.ends_served()
    assert_nothing_ended_was_served(life)


def test_a_responder_that_is_dead_for_45_percent_of_the_lifetime_costs_nothing(life: Life) -> None:
    begin = life.now
    dead = (begin + 0.49 * LIFETIME, begin + 0.94 * LIFETIME)
    life.alive = lambda now: not dead[0] <= now < dead[1]
    life.go_on(begin + LIFETIME)
    first, second = life.ends_served()
    assert 0 < first < second
    assert_nothing_ended_was_served(life)
    in_vain = [asked for asked in life.asked if dead[0] <= asked < dead[1]]
    # Once an hour or less, since the pauses grow that long; and at the first run after it is there again.
    assert 10 < len(in_vain) <= (dead[1] - dead[0]) / HOUR + 1
    assert min(asked for asked in life.asked if asked >= dead[1]) <= dead[1] + 2 * HOUR


def test_a_responder_that_stays_dead_leaves_none_rather_than_one_that_ended(life: Life) -> None:
    begin = life.now
    life.alive = lambda now: now < begin + HOUR or now > begin + 1.5 * LIFETIME
    life.go_on(begin + 1.6 * LIFETIME)
    first, none, again = life.ends_served()
    assert (first > 0, none, again > first) == (True, 0, True)
    assert_nothing_ended_was_served(life)
    assert life.host.see().failures == 0
