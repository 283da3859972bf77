# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An authority in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority, to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy, wanted_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.records import LeafPlace, StapleTimes
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.results import (
    authority_result,
    due_staples_result,
    places_result,
    policy_result,
    provisioning_diff,
    timestamp,
    warnings_for,
)

MakeAuthority = Callable[..., Authority]


def test_a_result_says_where_everything_lies_and_until_when(authority: Authority) -> None:
    result = authority_result(authority)
    assert result["folder"] == str(authority.folder)
    assert result["root"] == {
        "path": f"{authority.folder}/root/1/certificate.pem",
        "key_uri": None,
        "subject": "CN=Test authority",
        "serial_number": f"{authority.root.certificate.serial_number:x}",
        "sha256": authority.root.sha256,
        "not_before": "2026-06-01T11:55:00Z",
        "not_after": "2036-05-29T11:54:59Z",
        "certificate": to_pem(authority.root.certificate),
    }
    assert result["issuing"]["not_after"] == "2029-05-31T11:54:59Z"
    assert result["responder"]["not_after"] == "2026-07-01T11:54:59Z"
    assert result["lifetimes"] == {"root": 3650, "issuing": 1095, "responder": 30, "leaf": 90, "staple": 7}


def test_a_place_has_the_times_of_its_staple(now: datetime) -> None:
    stapled, bare = (LeafPlace("web1", "/srv/tls", name) for name in ("app", "other"))
    times = StapleTimes(now + timedelta(days=7), now + timedelta(days=3))
    shown = {"next_update": "2026-06-08T12:00:00Z", "renew_at": "2026-06-04T12:00:00Z"}
    ends = {place: now + timedelta(days=90) for place in (stapled, bare)}
    assert places_result(ends, {stapled: times}) == [
        {"host": "web1", "path": "/srv/tls/app", "not_after": "2026-08-30T12:00:00Z", **shown},
        {
            "host": "web1",
            "path": "/srv/tls/other",
            "not_after": "2026-08-30T12:00:00Z",
            "next_update": None,
            "renew_at": None,
        },
    ]
    assert due_staples_result({stapled: times}) == [
        {"host": "web1", "path": "/srv/tls/app", "name": "app", "destination": "/srv/tls", **shown}
    ]


def test_a_result_holds_no_key(make_authority: MakeAuthority, tmp_path: Path) -> None:
    passphrases = Passphrases("correct horse battery staple", "another long passphrase")
    made = make_authority(tmp_path / "authority", passphrases)
    told = repr(authority_result(made))
    assert "PRIVATE" not in told
    assert "passphrase" not in told
    assert "key.pem" not in told


def test_a_policy_is_reported_in_the_words_of_the_options(policy: Policy) -> None:
    result = policy_result(policy)
    assert result["key_type"] == "ecdsa-p256"
    assert result["unconstrained"] is False
    assert result["permitted_domains"] == ["localhost", "local", "test", "internal", "home.arpa"]
    assert "fc00::/7" in result["permitted_networks"]
    open_policy = policy_result(wanted_policy({"unconstrained": True}, None, "Open"))
    assert open_policy["unconstrained"] is True
    assert open_policy["permitted_domains"] == open_policy["permitted_networks"] == []


def test_only_ed25519_is_warned_about(policy: Policy) -> None:
    assert warnings_for(policy) == []
    (warning,) = warnings_for(wanted_policy({"key_type": "ed25519"}, None, "Corp"))
    assert "no browser accepts" in warning


def test_times_are_in_utc_to_the_second(now: datetime) -> None:
    assert timestamp(now) == "2026-06-01T12:00:00Z"


def test_the_diff_of_a_new_authority_shows_all_of_it(tmp_path: Path, now: datetime) -> None:
    folder = tmp_path / "authority"
    diff = provisioning_diff(plan_provisioning(folder, {"leaf_lifetime": 30}, "Corp", now))
    assert diff["before_header"] == diff["after_header"] == f"authority {folder}"
    assert diff["before"] == ""
    assert diff["after"].splitlines() == [
        "subject: Corp",
        "key_type: ecdsa-p256",
        "unconstrained: False",
        "permitted_domains: localhost, local, test, internal, home.arpa",
        "permitted_networks: 127.0.0.0/8, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, ::1/128, fc00::/7",
        "root_lifetime: 3650 days",
        "issuing_lifetime: 1095 days",
        "responder_lifetime: 30 days",
        "leaf_lifetime: 30 days",
        "staple_lifetime: 7 days",
        "root certificate 1: new, for 3650 days (there is none yet)",
        "issuing authority 1: new, for 1095 days (there is none yet)",
        "OCSP responder 1 of issuing authority 1: new, for 30 days (the issuing authority is new)",
    ]


def test_the_diff_of_nothing_is_nothing(authority: Authority, now: datetime) -> None:
    diff = provisioning_diff(plan_provisioning(authority.folder, {}, "", now))
    assert diff["before"] == diff["after"]
    assert "root certificate 1: until 2036-05-29T11:54:59Z" in diff["before"].splitlines()


def test_the_diff_of_a_change_shows_what_changes_and_why(authority: Authority, now: datetime) -> None:
    later = now + timedelta(days=20)
    diff = provisioning_diff(plan_provisioning(authority.folder, {"staple_lifetime": 3}, "", later))
    before, after = diff["before"].splitlines(), diff["after"].splitlines()
    assert [line for line in before if line not in after] == ["staple_lifetime: 7 days"]
    assert [line for line in after if line not in before] == [
        "staple_lifetime: 3 days",
        "OCSP responder 2 of issuing authority 1: new, for 30 days (the last one ends on 2026-07-01)",
    ]
