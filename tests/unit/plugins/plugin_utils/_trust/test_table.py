# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the doctor's table, by its text."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.table import trust_table

ANCHOR = {"subject": "CN=Lab", "sha256": "5f2d", "not_after": "2036-11-18T12:00:00+00:00"}


def store(name: str, state: str, read_by: str = "curl", *evidence: str, kind: str = "system") -> dict[str, Any]:
    return {"name": name, "kind": kind, "state": state, "read_by": read_by, "evidence": list(evidence)}


def result(*stores: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"anchor": ANCHOR, "stores": list(stores), **more}


def test_the_table_of_a_fleet() -> None:
    package = "The command certutil is missing: install the package libnss3-tools."
    results = {
        "web1": result(
            store("debian", "trusted", "OpenSSL, curl, Python", "the bundle holds it"),
            store("/home/ann/.pki/nssdb", "unavailable", "Chromium of ann", package, kind="nss"),
        ),
        "web2.example": result(
            store("debian", "stale", "OpenSSL, curl, Python", "the bundle lacks it"),
            store("applications", "absent", "Node", kind="applications"),
        ),
        "gone": {"unreachable": True, "msg": "No route to host"},
    }
    assert "\n".join(trust_table(results).lines) == (
        """\
CN=Lab (5f2d), valid until 2036-11-18

HOST          STORE                 STATE        READ BY                WHAT TO DO
web1          debian                trusted      OpenSSL, curl, Python  nothing
web1          /home/ann/.pki/nssdb  unavailable  Chromium of ann        """
        + package
        + """
web2.example  debian                stale        OpenSSL, curl, Python  run the playbook anchorage.pki.trust, which repairs it
web2.example  applications          optional     Node                   nothing, or add applications to trust_anchor_stores to use it
gone                                unreachable                         No route to host

3 hosts: 1 trusted, 1 unavailable, 1 stale, 1 optional, 1 unreachable."""  # noqa: E501 (it is what people see)
    )


def test_a_root_of_another_authority_is_a_row_with_the_way_out() -> None:
    path = "/usr/local/share/ca-certificates/anchorage-old-fedcba9876543210.crt"
    lines = trust_table({"host": {**result(store("debian", "trusted")), "others": [path]}}).lines
    assert lines[4].startswith(f"host  {path}  other root")
    assert lines[4].endswith("trust_anchor_src=former.crt and trust_anchor_state=absent")


@pytest.mark.parametrize("state", ["trusted", "stale", "absent"])
def test_an_expired_anchor_is_not_to_be_kept(state: str) -> None:
    given = {"host": {"anchor": {**ANCHOR, "expired": True}, "stores": [store("debian", state)]}}
    row = trust_table(given).lines[3]
    assert row.endswith("nothing, since it has expired" if state == "absent" else "expired, and trust its successor")


@pytest.mark.parametrize(
    ("state", "what_to_do"),
    [
        ("trusted", "nothing"),
        ("absent", "run the playbook anchorage.pki.trust"),
        ("pending", "reboot the host"),
        ("needs_user", "why"),
        ("blocked", "why"),
        ("failed", "why"),
        ("unavailable", "why"),
    ],
)
def test_every_state_has_something_to_do(state: str, what_to_do: str) -> None:
    row = trust_table({"host": result(store("debian", state, "curl", "why"))}).lines[3]
    assert row.split() == ["host", "debian", state, "curl", *what_to_do.split()]


@pytest.mark.parametrize(
    ("outcome", "state", "message"),
    [
        ({}, "unreachable", "see why Ansible does not reach it"),
        (
            {"failed": True, "stores": [], "msg": "This host has no trust store."},
            "failed",
            "This host has no trust store.",
        ),
        ({"failed": True, "msg": "authority: is missing."}, "failed", "authority: is missing."),
        ({"failed": True}, "failed", "see the task's own result"),
    ],
)
def test_a_host_without_stores_is_shown_with_the_reason(outcome: dict[str, Any], state: str, message: str) -> None:
    lines = trust_table({"host": outcome}).lines
    assert [line.split() for line in lines if line.startswith("host")] == [["host", state, *message.split()]]


def test_what_hosts_report_cannot_disturb_the_terminal() -> None:
    lines = trust_table({"host": result(store("a\n\x1b[2J", "failed", "x", "y" * 1000))}).lines
    assert lines[3].startswith("host  a  [2J  failed")
    assert len(lines[3]) < 400
    assert all(line.isprintable() for line in lines)


def test_each_anchor_is_described_once() -> None:
    other = {**ANCHOR, "subject": "CN=Other"}
    lines = trust_table({"a": result(), "b": result(), "c": {**result(), "anchor": other}}).lines
    assert [line.split()[0] for line in lines[:2]] == ["CN=Lab", "CN=Other"]


def test_no_host_is_shown() -> None:
    assert trust_table({}).lines[-1] == "0 hosts: nothing to report."


def test_each_root_of_a_rotation_has_a_row_of_its_own() -> None:
    """The host lacks the one that is coming."""
    coming = {**ANCHOR, "subject": "CN=Next", "sha256": "77aa", "stores": [store("debian", "absent")]}
    lines = trust_table({"web1": {**result(store("debian", "trusted")), "further_anchors": [coming]}}).lines
    assert lines == [
        "CN=Lab (5f2d), valid until 2036-11-18",
        "To be trusted as well: CN=Next (77aa), valid until 2036-11-18",
        "",
        "HOST  STORE            STATE    READ BY  WHAT TO DO",
        "web1  debian           trusted  curl     nothing",
        "web1  debian, CN=Next  absent   curl     run the playbook anchorage.pki.trust",
        "",
        "1 host: 1 trusted, 1 absent.",
    ]


@pytest.mark.parametrize("state", ["trusted", "stale"])
def test_a_root_that_should_be_gone_is_a_row_with_the_remedy(state: str) -> None:
    gone = {**ANCHOR, "subject": "CN=Old", "sha256": "0d6f", "stores": []}
    left = {**gone, "stores": [store("/opt/jdk", state, "Java", kind="java")]}
    hosts = {
        "web1": {**result(store("debian", "trusted")), "superseded_anchors": [left]},
        "web2": {**result(store("debian", "trusted")), "superseded_anchors": [gone]},
    }
    lines = trust_table(hosts).lines
    assert lines[1] == "To be trusted no more: CN=Old (0d6f), valid until 2036-11-18"
    remedy = "run the playbook anchorage.pki.trust with trust_anchor_purge_superseded=true"
    assert lines[5] == f"web1  /opt/jdk, CN=Old  superseded  Java     {remedy}"
    assert lines[-1] == "2 hosts: 2 trusted, 1 superseded."


def test_of_roots_that_are_gone_nothing_is_said() -> None:
    host = result(store("debian", "trusted"))
    gone = {**ANCHOR, "subject": "CN=Old", "stores": []}
    assert trust_table({"web1": {**host, "superseded_anchors": [gone]}}).lines == trust_table({"web1": host}).lines


def test_where_a_removal_awaits_the_next_boot_that_is_said() -> None:
    left = {**ANCHOR, "subject": "CN=Old", "stores": [store("suse", "pending")]}
    lines = trust_table({"web1": {**result(store("suse", "trusted")), "superseded_anchors": [left]}}).lines
    assert lines[5].split() == ["web1", "suse,", "CN=Old", "pending", "curl", "reboot", "the", "host"]
