# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of a value that does not fit its option, and that no secret is in it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.parameters import DEFAULT_TYPE_VALIDATORS
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.known import Known
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.values import (
    LONGEST_SHOWN,
    faults,
    unknown_names,
)


def told(known: Known, name: str, value: Any) -> list[str]:
    return list(faults(name, known.options[name], value, lambda kind, raw: DEFAULT_TYPE_VALIDATORS[kind](raw)))


FITTING: list[tuple[str, Any]] = [
    ("leaf_certificate_lifetime", 30),
    ("leaf_certificate_lifetime", "30"),
    ("leaf_certificate_lifetime", None),
    ("leaf_certificate_staple", "yes"),
    ("leaf_certificate_server", "none"),
    ("leaf_certificate_mode", 0o640),
    ("leaf_certificate_activate", {}),
    ("leaf_certificate_activate", {"reload": ["systemctl"], "timeout": "5", "probes": [{"port": "443"}]}),
    # What is missing depends on who asks: to remove it, the name of a leaf is enough.
    ("leaf_certificate_certificates", [{"name": "site"}]),
    ("trust_anchor_stores", "system,java"),
    ("anchorage_hosts", ["web", "!web1"]),
    ("anchorage_delete_authority", "true"),
]


@pytest.mark.parametrize(("name", "value"), FITTING)
def test_says_nothing_of_what_ansible_takes(known: Known, name: str, value: Any) -> None:
    assert told(known, name, value) == []


FAULTS: list[tuple[str, Any, str]] = [
    ("leaf_certificate_lifetime", "30d", "leaf_certificate_lifetime: '30d' is not a whole number"),
    ("leaf_certificate_staple", "perhaps", "leaf_certificate_staple: 'perhaps' is not true or false"),
    (
        "leaf_certificate_server",
        "lighttpd",
        "leaf_certificate_server: 'lighttpd' is not one of none, nginx, haproxy, apache, caddy",
    ),
    (
        "trust_anchor_stores",
        ["jva"],
        "trust_anchor_stores[0]: 'jva' is not one of system, java, policies, nss, applications, files",
    ),
    ("certificate_authority_subject", "Corp", "certificate_authority_subject: 'Corp' is not a dictionary"),
    (
        "certificate_authority_subject",
        {"comon_name": "Corp"},
        "certificate_authority_subject.comon_name is unknown, did you mean common_name?",
    ),
    (
        "certificate_authority_permitted_domains",
        {"a": 1},
        "certificate_authority_permitted_domains: {'a': 1} is not a list",
    ),
    (
        "leaf_certificate_activate",
        {"probes": [{"port": 443}, {"port": "https"}]},
        "leaf_certificate_activate.probes[1].port: 'https' is not a whole number",
    ),
    (
        "leaf_certificate_certificates",
        [{"name": "a"}, {"name": "b", "lifetime": "1y"}],
        "leaf_certificate_certificates[1].lifetime: '1y' is not a whole number",
    ),
    (
        "leaf_certificate_certificates",
        [{"name": "a", "nmaes": ["a.test"]}],
        "leaf_certificate_certificates[0].nmaes is unknown, did you mean names?",
    ),
    (
        "leaf_certificate_certificates",
        [{"name": "a", "names": ["a.test"], "vegetable": 1}],
        "leaf_certificate_certificates[0].vegetable is unknown",
    ),
]


@pytest.mark.parametrize(("name", "value", "text"), FAULTS)
def test_says_what_does_not_fit(known: Known, name: str, value: Any, text: str) -> None:
    assert told(known, name, value) == [text]


OPTIONS = {
    "names": {"type": "list", "elements": "str"},
    "certificates": {"type": "list", "elements": "dict", "options": {"names": {"type": "list"}, "lifetime": {}}},
    "activate": {"type": "dict", "options": {"reload": {}, "probes": {"options": {"port": {}}}}},
}


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ({"names": ["a"], "certificates": [{"names": []}], "activate": {"probes": [{"port": 1}]}}, []),
        ({"nmaes": []}, ["nmaes is unknown, did you mean names?"]),
        ({"vegetable": []}, ["vegetable is unknown"]),
        (
            {"certificates": [{"names": []}, {"lifetme": 1}]},
            ["certificates[1].lifetme is unknown, did you mean lifetime?"],
        ),
        ({"activate": {"relaod": []}}, ["activate.relaod is unknown, did you mean reload?"]),
        ({"activate": {"probes": [{"prot": 1}]}}, ["activate.probes[0].prot is unknown, did you mean port?"]),
        ({"certificates": "text", "activate": None}, []),
    ],
)
def test_each_unknown_name_in_a_task_is_told_with_the_likely_one(given: dict[str, Any], texts: list[str]) -> None:
    assert list(unknown_names(given, OPTIONS)) == texts


@pytest.mark.parametrize("value", ["s3cret", {"pkcs12_passphrase": "s3cret"}, [["s3cret"]]])
def test_keeps_quiet_about_what_may_hold_a_secret(known: Known, value: Any) -> None:
    texts = told(known, "leaf_certificate_certificates", value)
    assert len(texts) == 1
    assert "s3cret" not in texts[0]


def test_keeps_a_secret_of_any_type() -> None:
    assert list(faults("pin", {"type": "int", "no_log": True}, "12e4", lambda _kind, raw: int(raw))) == [
        "pin is not a whole number"
    ]


def test_cuts_a_long_value(known: Known) -> None:
    (text,) = told(known, "leaf_certificate_lifetime", "x" * 1000)
    assert text == f"leaf_certificate_lifetime: '{'x' * (LONGEST_SHOWN - 1)}… is not a whole number"
