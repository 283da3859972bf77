# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every bad staple is refused for a reason of its own, and every reason is met by one."""

from __future__ import annotations

import re

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.refusals import Refusal
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import verify, verify_staple
from ansible_collections.anchorage.pki.tests.unit.bad_staples import BAD_STAPLES, Parties, bad_staples, respond


@pytest.fixture(scope="module")
def parties(leaf, issuing, responder, now) -> Parties:
    return Parties(leaf, issuing, responder, now)


@pytest.mark.parametrize("refusal", BAD_STAPLES, ids=lambda refusal: refusal.name)
def test_a_bad_staple_is_refused_for_its_own_reason(parties: Parties, refusal: Refusal) -> None:
    der, issuer = BAD_STAPLES[refusal](parties), parties.issuing.certificate
    found = verify(der, parties.leaf, issuer, parties.now, parties.installed)
    assert found.refusal is refusal
    with pytest.raises(PkiError) as caught:
        verify_staple(der, parties.leaf, issuer, parties.now, parties.installed)
    assert str(caught.value) == found.problem
    assert re.fullmatch(r"The staple is refused: [^{}]+\.", found.problem)


def test_every_reason_is_met_and_differs_from_all_others(parties: Parties) -> None:
    made = bad_staples(parties)
    assert set(made) == set(Refusal)
    assert len({refusal.value for refusal in made}) == len(Refusal.__members__) == len(made) >= 30
    assert len(set(made.values())) == len(made)


def test_what_they_are_made_from_is_good(parties: Parties) -> None:
    staple = verify_staple(respond(parties), parties.leaf, parties.issuing.certificate, parties.now, parties.installed)
    assert staple.this_update > parties.installed
