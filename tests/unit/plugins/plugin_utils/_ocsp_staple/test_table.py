# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the doctor's table of staples for certificates of other authorities, by its text."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp_staple.table import staple_table

NOW = datetime(2026, 11, 28, tzinfo=timezone.utc)
SOON, LATER, PAST = "2026-12-05T09:06:33Z", "2026-12-08T00:00:00Z", "2026-11-27T00:00:00Z"
DOWN = "ocsp.corp.example refused the connection"


def staple(name: str, action: str = "none", reason: str = "valid", **more: Any) -> dict[str, Any]:
    """An entry of a result, as of a staple that is good until SOON."""
    known = {
        "generation": 3,
        "status": "good",
        "fingerprint": "ab",
        "staple": {"next_update": more.pop("until", SOON)},
        "failures": 0,
        "failure": "",
        "next_attempt": "",
    }
    return {"name": name, "action": action, "reason": reason, **known, **more}


def bare(name: str, action: str = "none", reason: str = "", **more: Any) -> dict[str, Any]:
    """One of a certificate that has no staple."""
    return staple(name, action, reason, **{"status": "none", **more, "staple": None})


def failed(times: int = 1, failure: str = DOWN) -> dict[str, Any]:
    return {"failures": times, "failure": failure, "next_attempt": "2026-11-28T00:07:00Z"}


def test_the_table_of_a_fleet() -> None:
    results = {
        "web1": {
            "certificates": [staple("shop"), staple("mail", until=LATER), bare("acme", reason="it has no OCSP URL")],
            "activation": {
                "probes": [
                    {"certificate": "shop", "staple": "served"},
                    {"certificate": "mail", "staple": "not probed"},
                ]
            },
            "others": ["/etc/pki/anchorage-staples/former"],
        },
        "web2": {
            "certificates": [
                bare("new", "staple", "nothing is deployed yet", generation=0),
                staple("half", "staple", "half of it is over", until=LATER),
                staple("retried", "staple", "half of it is over", **failed(2)),
                staple("old", "staple", "it is no longer good", until=PAST),
                bare("gone", "staple", "withdrawn at noon", status="withdrawn"),
                bare("ended", "unstaple", "the certificate ends"),
                staple("drift", "repair", "the mode is 0600"),
                staple("pending", "activate", "it was not activated"),
                staple("down", reason="its responder is asked again later", **failed(5)),
                bare("never", "none", "its responder is asked again later", **failed()),
                bare("bad", "none", "paused", **{**failed(1, "it was revoked at noon"), "status": "revoked"}),
                bare("lost", "none", "'lost': /x.pem is missing", fingerprint=""),
            ],
            # As check mode says where a certificate was revoked.
            "failed": True,
            "msg": "bad: it was revoked at noon.",
        },
        "web3": {"failed": True, "msg": "names: \x1b[31mwrong\nagain"},
        "web4": {},
    }
    assert "\n".join(staple_table(results, NOW).lines) == (
        """\
HOST  STAPLE                             STATE        UNTIL                 FAILURES  NEXT ATTEMPT          WHAT TO DO
web1  shop                               served       2026-12-05T09:06:33Z                                  nothing
web1  mail                               deployed     2026-12-08T00:00:00Z                                  nothing
web1  acme                               no staple                                                          nothing: it has no OCSP URL
web1  /etc/pki/anchorage-staples/former  left over                                                          unless another play keeps it, remove it by anchorage.pki.ocsp_staple with state: absent, name: former, destination: /etc/pki/anchorage-staples
web2  new                                missing                                                            run the playbook anchorage.pki.refresh_staples: nothing is deployed yet
web2  half                               due          2026-12-08T00:00:00Z                                  run the playbook anchorage.pki.refresh_staples: half of it is over
web2  retried                            due          2026-12-05T09:06:33Z  2         2026-11-28T00:07:00Z  run the playbook anchorage.pki.refresh_staples: half of it is over (the last time: ocsp.corp.example refused the connection)
web2  old                                expired      2026-11-27T00:00:00Z                                  run the playbook anchorage.pki.refresh_staples: it is no longer good
web2  gone                               withdrawn                                                          run the playbook anchorage.pki.refresh_staples: withdrawn at noon
web2  ended                              due                                                                run the playbook anchorage.pki.refresh_staples: the certificate ends
web2  drift                              repair       2026-12-05T09:06:33Z                                  run the playbook anchorage.pki.refresh_staples: the mode is 0600
web2  pending                            not served   2026-12-05T09:06:33Z                                  run the playbook anchorage.pki.refresh_staples: it was not activated
web2  down                               failing      2026-12-05T09:06:33Z  5         2026-11-28T00:07:00Z  see why its responder gives no staple: ocsp.corp.example refused the connection
web2  never                              failing                            1         2026-11-28T00:07:00Z  see why its responder gives no staple: ocsp.corp.example refused the connection
web2  bad                                revoked                            1         2026-11-28T00:07:00Z  replace the certificate and its key: it was revoked at noon
web2  lost                               unreadable                                                         put this right: 'lost': /x.pem is missing
web3                                     failed                                                             names:  [31mwrong again
web4                                     unreachable                                                        see why Ansible does not reach it

4 hosts, staples of other authorities: 3 due, 2 failing, 1 served, 1 deployed, 1 no staple, 1 left over, 1 missing, 1 expired, 1 withdrawn, 1 repair, 1 not served, 1 revoked, 1 unreadable. Run the playbook anchorage.pki.refresh_staples now."""  # noqa: E501 (it is what people see)
    )


def test_where_nothing_is_due_the_first_to_end_is_named() -> None:
    results = {
        "web1": {"certificates": [staple("shop", until=LATER)]},
        "web2": {"certificates": [staple("shop", **failed())]},
    }
    last = "2 hosts, staples of other authorities: 1 deployed, 1 failing. That of shop on web2 is the first to end, at"
    assert staple_table(results, NOW).lines[-1] == f"{last} {SOON}: run it before then."


def test_where_none_can_have_a_staple_no_end_is_named() -> None:
    last = staple_table({"web1": {"certificates": [bare("acme", reason="it has no OCSP URL")]}}, NOW).lines[-1]
    assert last == "1 host, staples of other authorities: 1 no staple."


def test_a_fleet_without_such_staples_has_no_table() -> None:
    assert staple_table({"web1": {"certificates": [], "others": []}, "web2": {}}).lines == []


def test_a_failure_is_shown_even_if_nothing_else_is_known() -> None:
    assert staple_table({"web1": {"failed": True, "msg": "wrong"}}, NOW).lines[1].split() == ["web1", "failed", "wrong"]
