# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the comparison of machines, and of its text."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_facts import describe
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.audit import Machine, compare_roots
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.audit_text import lines_of
from ansible_collections.anchorage.pki.tests.unit.roots import NOW, der_of, make_root
from cryptography.hazmat.primitives.asymmetric import ec

KEY = ec.generate_private_key(ec.SECP256R1())
KINDS = ("expired", "unique", "missing", "not_in_mozilla", "missing_from_mozilla")


def facts(common_name: str, **options: Any) -> dict[str, Any]:
    return describe(der_of(make_root(common_name, **options)), ["/etc/ssl/certs"])


PUBLIC_1, PUBLIC_2, CORPORATE = facts("Public 1"), facts("Public 2"), facts("Corporate")
EXPIRED = facts("Expired", not_after=NOW - timedelta(hours=1))
OLD, RENEWED = facts("Renewed", key=KEY), facts("Renewed", key=KEY, not_after=NOW + timedelta(days=9))


def compare(machines: dict[str, list[dict[str, Any]] | Machine], *mozilla: dict[str, Any]) -> dict[str, Any]:
    """The comparison of machines, which are given by their certificates where nothing was wrong with them."""
    named = {name: machine if isinstance(machine, Machine) else Machine(machine) for name, machine in machines.items()}
    return compare_roots(named, mozilla, NOW)


def found(audit: dict[str, Any]) -> dict[str, list[tuple[str, list[str], list[str]]]]:
    """What was found: of each kind, common name, machines, and who trusts the same key."""
    return {
        kind: [(one["subject"].removeprefix("CN="), one["machines"], one["same_key"]) for one in audit[kind]]
        for kind in KINDS
        if audit[kind]
    }


def test_machines_that_agree() -> None:
    audit = compare({"a": [PUBLIC_1, PUBLIC_2], "b": [PUBLIC_2, PUBLIC_1]}, PUBLIC_1, PUBLIC_2)
    assert found(audit) == {}
    assert (audit["machines"], audit["not_read"], audit["mozilla"]) == ({"a": 2, "b": 2}, [], 2)
    assert lines_of(audit) == [
        "a: 2 roots",
        "b: 2 roots",
        "Mozilla's set: 2 roots",
        "",
        "No differences, and nothing has expired.",
    ]


def test_what_nobody_else_trusts() -> None:
    audit = compare({"a": [PUBLIC_1, CORPORATE], "b": [PUBLIC_1], "c": [PUBLIC_1]})
    assert found(audit) == {"unique": [("Corporate", ["a"], [])]}


def test_mozilla_is_somebody() -> None:
    audit = compare({"a": [PUBLIC_1, PUBLIC_2], "b": [PUBLIC_1]}, PUBLIC_1, PUBLIC_2)
    assert found(audit) == {"missing_from_mozilla": [("Public 2", ["b"], [])]}


def test_a_machine_alone_is_not_compared_with_itself() -> None:
    assert found(compare({"a": [PUBLIC_1]})) == {}
    assert found(compare({"a": [PUBLIC_1, CORPORATE]}, PUBLIC_1)) == {
        "unique": [("Corporate", ["a"], [])],
        "not_in_mozilla": [("Corporate", ["a"], [])],
    }


def test_what_most_machines_trust_and_one_does_not() -> None:
    audit = compare({"a": [PUBLIC_1, PUBLIC_2], "b": [PUBLIC_1, PUBLIC_2], "c": [PUBLIC_1]})
    assert found(audit) == {"missing": [("Public 2", ["c"], [])]}


def test_half_is_not_most() -> None:
    machines = {"a": [PUBLIC_1, CORPORATE], "b": [PUBLIC_1, CORPORATE], "c": [PUBLIC_1], "d": [PUBLIC_1]}
    assert found(compare(machines)) == {}


def test_what_has_expired() -> None:
    audit = compare({"a": [PUBLIC_1, EXPIRED], "b": [PUBLIC_1, EXPIRED]}, EXPIRED, PUBLIC_1)
    assert found(audit) == {"expired": [("Expired", ["a", "b"], [])]}


def test_what_mozilla_alone_trusts_is_not_called_expired_on_a_machine() -> None:
    assert found(compare({"a": [PUBLIC_1]}, PUBLIC_1, EXPIRED)) == {"missing_from_mozilla": [("Expired", ["a"], [])]}


def test_a_renewed_root_is_known_by_its_key() -> None:
    audit = compare({"a": [OLD], "b": [RENEWED], "c": [RENEWED]}, RENEWED)
    assert found(audit) == {
        "unique": [("Renewed", ["a"], ["Mozilla's set", "b", "c"])],
        "missing": [("Renewed", ["a"], ["a"])],
        "not_in_mozilla": [("Renewed", ["a"], ["Mozilla's set", "b", "c"])],
        "missing_from_mozilla": [("Renewed", ["a"], ["a"])],
    }


def test_a_machine_that_was_not_read_is_named_and_lacks_nothing() -> None:
    audit = compare({"a": [PUBLIC_1], "b": Machine([], ["no route to host"])}, PUBLIC_1)
    assert (audit["machines"], audit["not_read"], found(audit)) == ({"a": 1}, ["b"], {})
    assert audit["errors"] == {"b": ["no route to host"]}
    assert lines_of(audit)[1:3] == ["b: not read", "- no route to host"]


def test_a_machine_of_which_nothing_is_known_was_not_read() -> None:
    audit = compare({"a": [PUBLIC_1], "b": Machine(None)}, PUBLIC_1)
    assert (audit["machines"], audit["not_read"], audit["errors"], found(audit)) == ({"a": 1}, ["b"], {}, {})
    assert lines_of(audit)[1] == "b: not read"


def test_a_machine_that_was_read_in_part_is_compared_with_a_caution() -> None:
    errors = [f"/etc/ssl/certs/{number}.pem: it is damaged" for number in range(5)]
    audit = compare({"a": [PUBLIC_1, PUBLIC_2], "b": Machine([PUBLIC_1], errors)}, PUBLIC_1, PUBLIC_2)
    assert (audit["machines"], audit["not_read"], audit["errors"]) == ({"a": 2, "b": 1}, [], {"b": errors})
    assert found(audit) == {"missing_from_mozilla": [("Public 2", ["b"], [])]}
    assert lines_of(audit)[1:6] == [
        "b: 1 root, read incompletely, so it may trust what is listed as missing:",
        *(f"- {error}" for error in errors[:3]),
        "- and 2 more, all of them in the JSON result",
    ]


def test_a_machine_without_roots_lacks_all() -> None:
    audit = compare({"a": [PUBLIC_1], "b": [], "c": [PUBLIC_1]})
    assert found(audit) == {"missing": [("Public 1", ["b"], [])]}


def test_nothing_to_compare() -> None:
    audit = compare({}, PUBLIC_1)
    assert found(audit) == {}
    assert lines_of(audit)[-1] == "No machine was read."


def test_a_machine_with_nobody_to_compare_with_does_not_pass_for_one_that_agrees() -> None:
    assert lines_of(compare({"a": [PUBLIC_1]}))[-1] == "Nothing to compare with, and nothing has expired."


def test_agreement_is_that_of_the_machines_that_were_read() -> None:
    audit = compare({"a": [PUBLIC_1], "b": [PUBLIC_1], "c": Machine(None)})
    assert lines_of(audit)[-1] == "No differences in what was read, and nothing has expired."


def test_hosts_may_be_called_mozilla_and_controller() -> None:
    audit = compare({"Mozilla": [OLD], "controller": [RENEWED]}, RENEWED)
    assert found(audit)["not_in_mozilla"] == [("Renewed", ["Mozilla"], ["Mozilla's set", "controller"])]
    assert audit["machines"] == {"Mozilla": 1, "controller": 1}


def test_a_certificate_with_unreadable_facts_is_compared_all_the_same() -> None:
    damaged = {**CORPORATE, "subject": None, "not_after": None}
    audit = compare({"a": [PUBLIC_1, damaged], "b": [PUBLIC_1]})
    assert [one["sha256"] for one in audit["unique"]] == [CORPORATE["sha256"]]
    assert any("without a readable subject, of unknown validity" in line for line in lines_of(audit))


def test_the_text_names_the_machines_and_the_certificate() -> None:
    machines = {name: [PUBLIC_1, CORPORATE] for name in "abcdef"} | {"g": [PUBLIC_1], "h": [PUBLIC_1, EXPIRED]}
    assert lines_of(compare(machines))[8:] == [
        "Mozilla's set: not compared: install the Python package certifi on the controller to have it compared",
        "",
        "Trusted although expired:",
        f"- h: CN=Expired, until 2026-11-21, SHA-256 {EXPIRED['sha256']}",
        "",
        "Trusted by one machine only:",
        f"- h: CN=Expired, until 2026-11-21, SHA-256 {EXPIRED['sha256']}",
        "",
        "Trusted by most machines, but not by these:",
        f"- g, h: CN=Corporate, until 2036-11-18, SHA-256 {CORPORATE['sha256']}",
    ]


def test_many_names_are_cut_short() -> None:
    machines = {name: [PUBLIC_1, CORPORATE] for name in "abcdefg"} | {"h": [PUBLIC_1]}
    (line,) = [line for line in lines_of(compare(machines, PUBLIC_1)) if "a, b" in line]
    assert line.startswith("- a, b, c, d, e and 2 more: CN=Corporate")


def test_all_machines_are_called_all() -> None:
    (line,) = [
        line for line in lines_of(compare({"a": [CORPORATE], "b": [CORPORATE]}, PUBLIC_1)) if "Corporate" in line
    ]
    assert line.startswith("- all: CN=Corporate")
