# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the page: that it is well-formed, runs and loads nothing, and shows whatever hosts report as text."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._ledger.selection import Listed
from ansible_collections.anchorage.pki.plugins.plugin_utils._report.fleet import HostLooks, fleet_report
from ansible_collections.anchorage.pki.plugins.plugin_utils._report.page import page
from ansible_collections.anchorage.pki.tests.unit.plugins.plugin_utils._report.test_exports import LEAF

NOW = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)
CERTIFICATE = {"subject": "CN=Lab", "sha256": "ab" * 32, "not_after": "2036-01-01T00:00:00Z"}
AUTHORITY: dict[str, Any] = {
    "exists": True,
    "anchors": [CERTIFICATE],
    "issuing": CERTIFICATE,
    "responder": CERTIFICATE,
    "key_type": "ecdsa-p256",
    "unconstrained": False,
    "permitted_domains": ["localhost"],
    "permitted_networks": ["127.0.0.0/8"],
    "leaves": {"deployed": 2},
    "lists": [],
    "due": [],
}
HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>&amp;{{ 7 * 7 }}</style></table>"""


class Parsed(HTMLParser):
    """The tags of a page with their attributes, its text, and whether each tag that is opened is closed."""

    VOID = ("meta", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def store(name: str, state: str = "trusted") -> dict[str, Any]:
    return {"name": name, "kind": "system", "state": state, "read_by": "curl", "evidence": [name]}


def look(*stores: dict[str, Any], leaf: str = "app", action: str = "none") -> HostLooks:
    entry = {"name": leaf, "action": action, "reason": leaf, "not_after": "2027-01-01T00:00:00Z"}
    return HostLooks({"anchor": CERTIFICATE, "stores": list(stores)}, {"certificates": [entry]}, {"certificates": []})


def render(looks: dict[str, HostLooks], **authority: Any) -> str:
    return page(fleet_report(looks, {**AUTHORITY, **authority}, NOW))


def test_what_needs_nobody_is_folded_away() -> None:
    text = render({"web1": look(store("debian"), store("java", "stale")), "web2": look(store("debian"))})
    shown, folded = text.split("<details>")[1].split("Trust stores")
    assert "java" not in shown
    assert "stale" in folded
    assert "web2" not in folded
    assert "2 rows that need nothing" in text
    assert Parsed(text).open == []


@pytest.mark.parametrize("where", ["host", "store", "leaf", "subject", "warning"])
def test_whatever_a_host_reports_is_text(where: str) -> None:
    hostile = {key: HOSTILE if key == where else key for key in ("host", "store", "leaf", "subject", "warning")}
    looked = look(store(hostile["store"], "failed"), leaf=hostile["leaf"], action="leaf")
    root = {**CERTIFICATE, "subject": hostile["subject"]}
    text = render({hostile["host"]: looked}, anchors=[root], warnings=[hostile["warning"]])
    parsed, harmless = Parsed(text), Parsed(render({"host": look(store("store", "failed"), action="leaf")}))
    assert HOSTILE in "".join(parsed.text)
    assert parsed.open == []
    assert {tag for tag, _attributes in parsed.tags} <= {tag for tag, _attributes in harmless.tags} | {"ul", "li"}


#: What an export has of a place, of a certificate, and of itself.
FIELDS = ("host", "name", "destination"), ("kind", "status"), ("authority", "file")


@pytest.mark.parametrize("field", [field for fields in FIELDS for field in fields])
@pytest.mark.parametrize("hostile", [HOSTILE, "\ud800\x1b[2J\u202egone"])
def test_whatever_another_controller_exported_is_text(field: str, hostile: str) -> None:
    of_place, of_entry, of_file = ({field: hostile} if field in fields else {} for fields in FIELDS)
    entry = replace(LEAF, place=replace(LEAF.place, **of_place), not_after=NOW + DAY, **of_entry)
    listed = Listed("Berlin", entry, "berlin.jsonl")._replace(**of_file)
    text = page(fleet_report({}, AUTHORITY, NOW, [listed]))
    parsed = Parsed(text)
    assert parsed.open == []
    assert {tag for tag, _attributes in parsed.tags}.isdisjoint({"script", "img"})
    shown = "".join(parsed.text)
    assert (hostile if hostile.isprintable() else " [2J gone") in shown
    assert not {"\x1b", "\u202e", "\ud800"}.intersection(text)
    assert text.encode()


def test_the_page_of_a_large_fleet_can_be_opened_on_a_phone() -> None:
    """Of 5,000 hosts with three stores and a leaf each."""
    looked = look(*(store(name) for name in ("debian", "java", "firefox")))
    text = render({f"web{number}.corp.example.com": looked for number in range(5000)})
    assert len(text.encode()) < 6_000_000
    assert text.count("<tr>") == 5000 * 4 + 2
    assert len(gzip.compress(text.encode())) < 200_000


def test_it_runs_nothing_and_loads_nothing() -> None:
    parsed = Parsed(render({"web1": look(store("debian"))}))
    style = next(text for text in parsed.text if ":root" in text)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = (attributes["content"] for tag, attributes in parsed.tags if "http-equiv" in attributes)
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    attributes = {name for _tag, named in parsed.tags for name in named}
    assert not {name for name in attributes if name.startswith("on") or name in ("src", "href", "style")}
    assert "script" not in {tag for tag, _attributes in parsed.tags}
    assert not re.search(r"url\(|@import", style)


def test_the_policy_stands_before_all_that_it_is_for() -> None:
    tags = [tag for tag, _attributes in Parsed(render({"web1": look(store("debian"))})).tags]
    assert tags[:4] == ["html", "head", "meta", "meta"]


def test_without_an_authority_and_hosts_there_is_a_page_that_says_so() -> None:
    text = page(fleet_report({}, {"exists": False, "msg": "There is no authority."}, NOW))
    assert "There is no authority." in text
    assert "0 hosts: nothing to report." in text
    assert "<h2>Authority" not in text


def test_an_authority_without_constraints_and_during_a_rotation_says_so() -> None:
    coming = {**CERTIFICATE, "subject": "CN=Next"}
    signed = {"issuer": "CN=Lab", "number": 7, "next_update": "2026-12-09T00:00:00Z"}
    text = render(
        {}, unconstrained=True, anchors=[CERTIFICATE, coming], lists=[signed, {"number": None}], due=["a new responder"]
    )
    facts = dict(re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", text))
    assert facts["Permitted names"] == "all: it has no name constraints"
    assert facts["Further root, during a rotation"].startswith("CN=Next, valid until")
    assert facts["Revoked by CN=Lab"] == "list 7, valid until 2026-12-09T00:00:00Z"
    assert facts["Due"] == "a new responder"
