# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How what is wrong is told: once, with the hosts that have it, and without a look at what is somebody else's."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.known import Known
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.report import Judge, Place, wrong_variables


class Templates:
    """Takes text in braces for a template, and remembers what was templated."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def render(self, written: Any) -> Any:
        self.seen.append(written)
        return written.strip("{}")

    def is_constant(self, written: Any) -> bool:
        return not written.startswith("{")


def convert(kind: str, value: Any) -> Any:
    return int(value) if kind == "int" else value


@pytest.fixture
def templates() -> Templates:
    return Templates()


@pytest.fixture
def judge(known: Known, templates: Templates) -> Judge:
    return Judge(known, convert, templates.is_constant)


def test_tells_each_once_with_its_hosts(judge: Judge, templates: Templates) -> None:
    places = [
        Place("web1", {"leaf_certificate_lifetime": "30d", "anchorage_autority": "/a"}, templates.render),
        Place("web2", {"leaf_certificate_lifetime": "30d", "leaf_certificates": []}, templates.render),
        Place("web3", {"leaf_certificate_lifetime": "{30d}", "anchorage_autority": "/b"}, templates.render),
        Place(None, {"leaf_certificate_lifetime": "30", "trust_anchor_foo": 1}, templates.render),
    ]
    assert wrong_variables(places, judge) == [
        "leaf_certificate_lifetime: '30d' is not a whole number (web1 and 2 other hosts)",
        "anchorage_autority is unknown, did you mean anchorage_authority? (web1 and 1 other host)",
        "leaf_certificates is unknown, did you mean leaf_certificate_certificates? (web2)",
        "trust_anchor_foo is unknown",
    ]


def test_looks_at_a_constant_once_and_at_a_template_on_each_host(judge: Judge, templates: Templates) -> None:
    shared, template = {"leaf_certificate_server": "nginx"}, {"leaf_certificate_lifetime": "{30}"}
    places = [Place(f"web{number}", {**shared, **template}, templates.render) for number in range(3)]
    assert wrong_variables(places, judge) == []
    assert templates.seen == ["nginx", "{30}", "{30}", "{30}"]


def test_what_takes_any_text_is_never_looked_at(judge: Judge, templates: Templates) -> None:
    """A passphrase may be asked for at each look, of a program that takes its time."""
    secrets = {"anchorage_passphrase": "{pass}", "leaf_certificate_owner": "{x}", "anchorage_authority": "{x}"}
    assert wrong_variables([Place("web1", secrets, templates.render)], judge) == []
    assert templates.seen == []


def test_templates_nothing_but_known_options(judge: Judge, templates: Templates) -> None:
    variables = {
        "leaf_certificate_foo": "{x}",
        "vault_password": "{x}",
        "anchorage_chosen": "{x}",
        "trust_anchor": "{x}",
    }
    assert wrong_variables([Place("web1", variables, templates.render)], judge) == [
        "leaf_certificate_foo is unknown (web1)"
    ]
    assert templates.seen == []


def test_results_and_what_cannot_be_templated_pass(judge: Judge) -> None:
    results = {"leaf_certificate_result": {"changed": False}, "trust_anchors_state": {"failed": True, "msg": "x"}}
    unknown_yet = {"leaf_certificate_lifetime": "{ansible_facts.days}"}
    assert wrong_variables([Place("web1", {**results, **unknown_yet}, lambda _written: None)], judge) == []
