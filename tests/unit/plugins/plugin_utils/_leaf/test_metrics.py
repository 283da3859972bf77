# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the metrics of refreshed staples, by what a strict reader makes of their text."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.metrics import (
    FAILED,
    FAILURES,
    LAST_SUCCESS,
    LEAF_END,
    RESPONDER_END,
    STAPLE_END,
    staple_metrics,
)
from ansible_collections.anchorage.pki.tests.unit.exposition import read_metrics

NOW = datetime(2026, 11, 28, tzinfo=timezone.utc)
SECONDS = int(NOW.timestamp())
DAY = 86400
SITE = "/etc/pki/anchorage/site"


def moment(days: int) -> str:
    return f"{NOW + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


def place(host: str, path: str = SITE, staple: int | None = 5) -> dict[str, Any]:
    """An entry of the ledger's places, with a staple that ends in so many days."""
    times = {"next_update": moment(staple), "renew_at": moment(staple - 4)} if staple is not None else {}
    return {"host": host, "path": path, "not_after": moment(60), "next_update": None, "renew_at": None} | times


def ledger(*places: dict[str, Any], due: Any = ()) -> dict[str, Any]:
    return {"places": list(places), "due_staples": list(due), "responder": {"not_after": moment(30)}}


def values(text: str) -> dict[str, dict[tuple[str, str], int]]:
    """The values by metric, then by host and certificate."""
    return {
        name: {(dict(labels).get("host", ""), dict(labels).get("certificate", "")): value for labels, value in found}
        for name, found in ((name, samples.items()) for name, samples in read_metrics(text).items())
    }


def test_each_leaf_and_each_staple_has_its_metrics() -> None:
    found = values(staple_metrics(ledger(place("web1"), place("web2", staple=None)), [], {}, now=NOW))
    assert found == {
        LEAF_END: {("web1", SITE): SECONDS + 60 * DAY, ("web2", SITE): SECONDS + 60 * DAY},
        STAPLE_END: {("web1", SITE): SECONDS + 5 * DAY},
        FAILED: {("web1", SITE): 0},
        FAILURES: {("web1", SITE): 0},
        LAST_SUCCESS: {("web1", SITE): SECONDS},
        RESPONDER_END: {("", ""): SECONDS + 30 * DAY},
    }


def test_a_leaf_that_was_signed_for_a_request_has_its_end() -> None:
    requested = {"name": "printer", "names": ["printer.test"], "due": None, "not_after": moment(60)}
    found = values(staple_metrics({**ledger(), "requested": [requested]}, [], {}, now=NOW))
    assert found == {LEAF_END: {("", "printer"): SECONDS + 60 * DAY}, RESPONDER_END: {("", ""): SECONDS + 30 * DAY}}


def test_the_text() -> None:
    text = staple_metrics(ledger(place("web1", staple=None)), [], {}, now=NOW)
    assert text == (
        "# HELP anchorage_leaf_not_after_timestamp_seconds When the leaf certificate ends.\n"
        "# TYPE anchorage_leaf_not_after_timestamp_seconds gauge\n"
        'anchorage_leaf_not_after_timestamp_seconds{host="web1",certificate="/etc/pki/anchorage/site"} 1801008000\n'
        "# HELP anchorage_responder_not_after_timestamp_seconds When the certificate of the OCSP responder ends.\n"
        "# TYPE anchorage_responder_not_after_timestamp_seconds gauge\n"
        "anchorage_responder_not_after_timestamp_seconds 1798416000\n"
    )


@pytest.mark.parametrize(
    ("result", "still_due", "failed"),
    [
        ({"changed": True}, False, 0),
        ({"changed": False}, True, 1),
        ({"failed": True, "msg": "no"}, True, 1),
        ({"unreachable": True, "msg": "gone"}, True, 1),
        ({}, True, 1),
        # The task failed after the staple was renewed, or in between the ledger was read.
        ({"failed": True, "msg": "no"}, False, 1),
        # The inventory does not know the host, or the run was for others.
        (None, True, 1),
        (None, False, 0),
    ],
)
def test_what_was_due_and_was_not_renewed_has_failed(
    result: dict[str, Any] | None, still_due: bool, failed: int
) -> None:
    due, other = place("web1", staple=2), place("web1", "/srv/other")
    after = ledger(due, other, due=[due] if still_due else [])
    results = {} if result is None else {"web1": result}
    found = values(staple_metrics(after, [due], results, now=NOW))
    assert found[FAILED] == {("web1", SITE): failed, ("web1", "/srv/other"): 0}
    assert found[LAST_SUCCESS] == {("web1", SITE): 0 if failed else SECONDS, ("web1", "/srv/other"): SECONDS}


def test_what_the_run_was_not_for_stays_as_it_was() -> None:
    """As what has become due since it began."""
    due = place("web1", staple=2)
    after = ledger(due, due=[due])
    failed = staple_metrics(after, [due], {}, now=NOW)
    for former in ("", failed, staple_metrics(ledger(due), [due], {}, failed, NOW)):
        found = values(staple_metrics(after, [], {}, former, NOW + timedelta(hours=1)))
        for metric in (FAILED, FAILURES, LAST_SUCCESS):
            assert found[metric] == (values(former)[metric] if former else {("web1", SITE): 0})


def test_a_staple_that_has_ended_has_failed() -> None:
    """Its leaf has ended too, so that it is not due any more."""
    found = values(staple_metrics(ledger(place("web1", staple=0)), [], {}, now=NOW))
    assert (found[FAILED], found[LAST_SUCCESS]) == ({("web1", SITE): 1}, {("web1", SITE): 0})


def test_failures_in_a_row_are_counted_from_run_to_run() -> None:
    due = place('web"1\\', staple=2)
    text, counts, successes = "", [], []
    for hours, fails in enumerate([False, True, True, False, True]):
        after = ledger(due, due=[due] if fails else [])
        text = staple_metrics(after, [due], {}, text, NOW + timedelta(hours=hours))
        ((_place, count),) = values(text)[FAILURES].items()
        ((_place, success),) = values(text)[LAST_SUCCESS].items()
        counts.append(count)
        successes.append((success - SECONDS) // 3600)
    assert counts == [0, 1, 2, 0, 1]
    assert successes == [0, 0, 0, 3, 3]


@pytest.mark.parametrize("former", ["", "\0", FAILURES, f"{FAILURES} \n", f'{FAILURES}{{host="web1"}} x', "a" * 999])
def test_counts_begin_anew_where_the_former_text_is_something_else(former: str) -> None:
    due = place("web1", staple=2)
    assert values(staple_metrics(ledger(due, due=[due]), [due], {}, former, NOW))[FAILURES] == {("web1", SITE): 1}


@pytest.mark.parametrize("former", ["1e3", "-1", "9" * 5000, "٣"])
def test_a_count_that_is_no_small_number_is_not_gone_on_with(former: str) -> None:
    due = place("web1", staple=2)
    line = f'{FAILURES}{{host="web1",certificate="{SITE}"}} {former}\n'
    assert values(staple_metrics(ledger(due, due=[due]), [due], {}, line, NOW))[FAILURES] == {("web1", SITE): 1}


HOSTILE = [
    'a"} 1\nanchorage_staple_refresh_failed{host="b',
    "back\\",
    "\\n",
    "new\nline",
    "\r\u2028\x85\0",
    "é",
    "{{ x }}",
]


def test_labels_hold_whatever_hosts_are_called() -> None:
    due = [place(name, name, staple=2) for name in HOSTILE]
    after = ledger(*due, due=due)
    text = staple_metrics(after, due, {}, now=NOW)
    assert set(values(text)[FAILED]) == {(name, name) for name in HOSTILE}
    assert set(values(staple_metrics(after, due, {}, text, NOW))[FAILURES].values()) == {2}


def test_what_is_not_unicode_is_replaced_and_no_series_is_there_twice() -> None:
    text = staple_metrics(ledger(place("web\udcff"), place("web\udcfe")), [], {}, now=NOW)
    assert text.encode()
    assert set(values(text)[FAILED]) == {("web?", SITE)}


def test_the_order_of_the_ledger_does_not_matter() -> None:
    places = [place(host, path) for host in ("web2", "web1") for path in (SITE, "/srv/other")]
    text = staple_metrics(ledger(*places), [], {}, now=NOW)
    assert staple_metrics(ledger(*reversed(places)), [], {}, now=NOW) == text
    lines = [line for line in text.splitlines() if line.startswith(f"{FAILED}{{")]
    assert (len(lines), lines) == (4, sorted(lines))


SHOP = "/etc/pki/anchorage-staples/shop"
NO_AUTHORITY = {"exists": False}
DOWN = {"failures": 2, "failure": "the responder is down"}


def foreign(path: str = SHOP, staple: int | None = 5, **more: Any) -> dict[str, Any]:
    """An entry of a result of ocsp_staple, with a staple that ends in so many days."""
    return {
        "path": path,
        "action": "none",
        "changed": False,
        "not_after": moment(60),
        "url": "http://ocsp.test/",
        "staple": None if staple is None else {"next_update": moment(staple)},
        "failures": 0,
        **more,
    }


def result(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"certificates": list(entries), **more}


def refreshed(former: str = "", hours: int = 0, **results: dict[str, Any]) -> str:
    """The text of a run without an authority, so many hours later, from the results of ocsp_staple by host."""
    return staple_metrics(NO_AUTHORITY, [], {}, former, NOW + timedelta(hours=hours), results)


def test_staples_of_other_authorities_have_the_same_metrics_without_an_authority() -> None:
    found = values(refreshed(web1=result(foreign())))
    assert found == {
        LEAF_END: {("web1", SHOP): SECONDS + 60 * DAY},
        STAPLE_END: {("web1", SHOP): SECONDS + 5 * DAY},
        FAILED: {("web1", SHOP): 0},
        FAILURES: {("web1", SHOP): 0},
        LAST_SUCCESS: {("web1", SHOP): SECONDS},
    }


def test_they_stand_beside_those_of_the_authority() -> None:
    found = values(staple_metrics(ledger(place("web1")), [], {}, now=NOW, foreign={"web1": result(foreign())}))
    assert set(found[STAPLE_END]) == {("web1", SITE), ("web1", SHOP)}
    assert set(found) == {LEAF_END, STAPLE_END, FAILED, FAILURES, LAST_SUCCESS, RESPONDER_END}


@pytest.mark.parametrize(
    ("entry", "failed"),
    [
        (foreign(action="staple", changed=True), 0),
        (foreign(**DOWN), 1),  # the former one is still good
        (foreign(staple=None, action="note", **DOWN), 1),
        (foreign(staple=None, action="staple", changed=True), 1),  # the certificate was replaced meanwhile
        (foreign(staple=None, action="unstaple", changed=True), 1),
    ],
)
def test_a_certificate_whose_responder_gave_no_staple_has_failed(entry: dict[str, Any], failed: int) -> None:
    found = values(refreshed(web1=result(entry)))
    assert found[FAILED] == {("web1", SHOP): failed}
    assert found[LAST_SUCCESS] == {("web1", SHOP): 0 if failed else SECONDS}


def test_a_certificate_for_which_nobody_can_be_asked_has_its_end_alone() -> None:
    nobody = foreign(staple=None, url="")
    text = refreshed(web1=result(nobody))
    assert values(text) == {LEAF_END: {("web1", SHOP): SECONDS + 60 * DAY}}
    assert refreshed(text, 1, web1={}) == text


def test_of_a_task_that_failed_what_was_done_counts_and_what_was_not_has_failed() -> None:
    """As after a revocation, and after a server that refused the new staples."""
    former = refreshed(web1=result(foreign(), foreign("/srv/other"), foreign("/srv/fine")))
    entries = (
        foreign(staple=12, action="staple", changed=False),
        foreign("/srv/other", staple=12, action="staple", changed=True),
        foreign("/srv/fine"),
    )
    found = values(refreshed(former, 1, web1=result(*entries, failed=True)))
    assert found[FAILED] == {("web1", SHOP): 1, ("web1", "/srv/other"): 0, ("web1", "/srv/fine"): 0}
    # What was to be deployed is not: the former one is in use.
    assert found[STAPLE_END][("web1", SHOP)] == SECONDS + 5 * DAY
    assert found[STAPLE_END][("web1", "/srv/other")] == SECONDS + 12 * DAY


def test_what_was_never_deployed_and_fails_is_known_by_its_failure() -> None:
    found = values(refreshed(web1=result(foreign(action="staple"), failed=True)))
    assert found == {FAILED: {("web1", SHOP): 1}, FAILURES: {("web1", SHOP): 1}, LAST_SUCCESS: {("web1", SHOP): 0}}


def test_a_certificate_that_could_have_no_staple_fails_once_it_can() -> None:
    text = refreshed(web1=result(foreign(staple=None, url="")))
    assert values(refreshed(text, 1, web1=result(foreign(action="staple"), failed=True)))[FAILED] == {("web1", SHOP): 1}


@pytest.mark.parametrize("lost", [{}, {"unreachable": True, "msg": "gone"}, {"failed": True, "msg": "no"}])
def test_a_host_that_says_nothing_fails_once_more_and_keeps_the_rest(lost: dict[str, Any]) -> None:
    text = refreshed(web1=result(foreign()), web2=result(foreign()))
    for count in (1, 2):
        text = refreshed(text, count, web1=lost, web2=result(foreign()))
        found = values(text)
        assert found[FAILURES] == {("web1", SHOP): count, ("web2", SHOP): 0}
        assert found[LAST_SUCCESS] == {("web1", SHOP): SECONDS, ("web2", SHOP): SECONDS + count * 3600}
        assert found[STAPLE_END][("web1", SHOP)] == SECONDS + 5 * DAY
    assert values(refreshed(text, 3, web1=result(foreign())))[FAILURES] == {("web1", SHOP): 0}


def test_a_host_that_the_run_was_not_for_stays_as_it_was() -> None:
    for first in (result(foreign()), result(foreign(**DOWN))):
        text = refreshed(web1=first)
        assert refreshed(text, 1, web1={"skipped": True}) == text


def test_a_host_that_has_such_certificates_no_more_has_no_metrics() -> None:
    assert refreshed(refreshed(web1=result(foreign())), 1) == ""


def test_a_host_that_says_nothing_has_those_of_the_authority_once() -> None:
    here, shop = place("web1"), {"web1": result(foreign())}
    text = staple_metrics(ledger(here), [], {}, now=NOW, foreign=shop)
    found = values(staple_metrics(ledger(here), [], {}, text, NOW + timedelta(hours=1), {"web1": {}}))
    assert found[FAILED] == {("web1", SITE): 0, ("web1", SHOP): 1}
    assert found[LAST_SUCCESS] == {("web1", SITE): SECONDS + 3600, ("web1", SHOP): SECONDS}
