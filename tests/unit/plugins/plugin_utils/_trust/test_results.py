# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of what becomes of a host's answer, whoever made it up."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Answer, PurgedAnchor, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Finding
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.results import trust_result

ABSENT, TRUSTED = Finding("absent", ("a lacks it",)), Finding("trusted", ("a holds it",))
FORMER = PurgedAnchor("anchorage-former", "0" * 64, TRUSTED, ABSENT)
STAYING = PurgedAnchor("anchorage-staying", "1" * 64, TRUSTED, TRUSTED)
DEBIAN = StoreOutcome("system", "debian", "curl", "trusted", True, ABSENT, TRUSTED.evidence, (FORMER, STAYING))
NSS = StoreOutcome("nss", "/home/alice", "Firefox", "absent", False, ABSENT, ABSENT.evidence, (FORMER,))


def answer(*outcomes: StoreOutcome, **more: Any) -> dict[str, Any]:
    return {"changed": False, **encode(Answer(outcomes)), **more}


def broken(**changes: Any) -> dict[str, Any]:
    """An answer with something else in its only store."""
    return {"stores": [{**encode(DEBIAN), **changes}]}


def test_a_user_sees_each_store_what_went_and_a_diff() -> None:
    assert trust_result(answer(DEBIAN, NSS)) == {
        "changed": True,
        "stores": [
            {
                "name": "debian",
                "kind": "system",
                "read_by": "curl",
                "state": "trusted",
                "changed": True,
                "evidence": ["a holds it"],
            },
            {
                "name": "/home/alice",
                "kind": "nss",
                "read_by": "Firefox",
                "state": "absent",
                "changed": False,
                "evidence": ["a lacks it"],
            },
        ],
        "purged": [{"sha256": "0" * 64, "stores": ["debian", "/home/alice"]}],
        "others": [],
        "diff": {
            "before_header": "trust stores before",
            "after_header": "trust stores after",
            "before": "debian: absent\n  a lacks it\n"
            "debian, former anchor anchorage-former: trusted\n  a holds it\n"
            "debian, former anchor anchorage-staying: trusted\n  a holds it\n"
            "/home/alice: absent\n  a lacks it\n"
            "/home/alice, former anchor anchorage-former: trusted\n  a holds it\n",
            "after": "debian: trusted\n  a holds it\n"
            "debian, former anchor anchorage-former: absent\n  a lacks it\n"
            "debian, former anchor anchorage-staying: trusted\n  a holds it\n"
            "/home/alice: absent\n  a lacks it\n"
            "/home/alice, former anchor anchorage-former: absent\n  a lacks it\n",
        },
    }


def test_a_host_without_stores_of_the_kinds_has_nothing_to_show() -> None:
    result = trust_result(answer())
    assert (result["changed"], result["stores"], result["purged"]) == (False, [], [])
    assert (result["diff"]["before"], result["diff"]["after"]) == ("", "")


def test_a_failure_keeps_its_message_and_its_stores() -> None:
    result = trust_result(answer(DEBIAN, failed=True, msg="debian: no."))
    assert (result["failed"], result["msg"], len(result["stores"])) == (True, "debian: no.", 1)


@pytest.mark.parametrize(
    "failure",
    [
        {"unreachable": True, "msg": "Failed to connect"},
        {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "Traceback", "exception": "Traceback"},
        {"failed": True, "msg": "no python", "warnings": ["another Python was found"]},
    ],
)
def test_a_failure_without_stores_is_passed_through(failure: dict[str, Any]) -> None:
    assert trust_result(failure) == failure


def test_a_refusal_lists_no_stores() -> None:
    refusal = {"failed": True, "msg": "The lock cannot be taken.", "stores": []}
    assert trust_result(refusal) == {**refusal, "purged": [], "others": []}


def test_roots_of_other_authorities_are_told() -> None:
    folder = "/usr/local/share/ca-certificates"
    installed = [f"{folder}/anchorage-lab-0123456789abcdef.crt", f"{folder}/anchorage-old-fedcba9876543210.crt"]
    result = trust_result({**answer(DEBIAN), "installed": installed}, {"anchorage-lab-0123456789abcdef"})
    assert result["others"] == installed[1:]


def test_stores_that_have_a_root_which_should_be_gone_are_told() -> None:
    stale = Finding("stale", ("b holds it",))
    outcomes = [
        StoreOutcome("system", "debian", "curl", state, False, before, before.evidence, anchor="anchorage-former")
        for before, state in ((TRUSTED, "trusted"), (stale, "unavailable"), (ABSENT, "unavailable"), (ABSENT, "absent"))
    ]
    result = trust_result(answer(DEBIAN, *outcomes), superseded=["anchorage-former", "anchorage-older"])
    told = [[(store["state"], store["evidence"]) for store in each["stores"]] for each in result["superseded_anchors"]]
    assert told == [[("trusted", ["a holds it"]), ("unavailable", ["b holds it"])], []]
    assert [store["state"] for store in result["stores"]] == ["trusted"]


def test_a_root_that_should_be_gone_and_is_still_installed_is_a_warning() -> None:
    installed = [f"/ca/anchorage-lab-{digit * 16}.crt" for digit in "01"]
    own = [f"anchorage-lab-{digit * 16}" for digit in "01"]
    result = trust_result({**answer(DEBIAN, warnings=["first"]), "installed": installed}, own, unwanted=own[1:])
    assert result["warnings"] == [
        "first",
        f"{installed[1]} is a root that is to be trusted no more, and is still installed: run the playbook "
        "anchorage.pki.trust with trust_anchor_purge_superseded=true.",
    ]
    assert result["others"] == []
    assert "warnings" not in trust_result({**answer(DEBIAN), "installed": installed}, own)


def test_what_a_host_adds_is_left_out() -> None:
    added = answer(DEBIAN, purged="everything", diff={"before": "\x1b[2J"}, activation={}, certificates=[1])
    assert trust_result(added) == trust_result(answer(DEBIAN))


def test_words_for_people_are_kept_to_their_line() -> None:
    result = trust_result(broken(name="de\x1b[2Jbian\n", evidence=["a\nb", "x" * 100_000]))
    (store,) = result["stores"]
    assert store["name"] == "de [2Jbian "
    assert store["evidence"][0] == "a b"
    assert len(store["evidence"][1]) == 20_000
    assert "\x1b" not in str(result["diff"])


@pytest.mark.parametrize(
    "malformed",
    [
        {},
        {"stores": None},
        {"stores": "debian"},
        {"stores": ["debian"]},
        {"stores": [{}]},
        {"failed": True, "msg": "x", "stores": 1},
        broken(name=["debian"]),
        broken(kind="kernel"),
        broken(state="perfect"),
        broken(changed="yes"),
        broken(evidence="a holds it"),
        broken(evidence=[1]),
        broken(before="absent"),
        broken(before={"state": "perfect"}),
        broken(purged=[{"name": "x"}]),
        broken(purged=[{**encode(FORMER), "sha256": "../x"}]),
    ],
)
def test_a_malformed_answer_is_refused_in_one_sentence(malformed: dict[str, Any]) -> None:
    with pytest.raises(PkiError, match=r"\AThe host returned a malformed result: [^\n]+\.\Z"):
        trust_result(malformed)
