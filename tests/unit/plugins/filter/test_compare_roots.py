# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the filter compare_roots as Ansible calls it: what it takes for a machine, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleTypeError
from ansible_collections.anchorage.pki.plugins.filter.compare_roots import FilterModule
from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_facts import describe
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root

ROOT = describe(der_of(make_root("Root")), [])
READ = {"certificates": [ROOT], "report": {"errors": []}}
DAMAGED = {"path": "/etc/ssl/a.pem", "message": "it is damaged"}


def compare(machines: Any, **options: Any) -> dict[str, Any]:
    return FilterModule().filters()["compare_roots"](machines, **options)


def test_what_the_module_and_a_connection_tell() -> None:
    audit = compare(
        {
            "good": READ,
            "part": {"certificates": [ROOT], "report": {"errors": [DAMAGED]}},
            "unreadable": {"certificates": [], "report": {"errors": [DAMAGED, {"path": "", "message": "missing"}]}},
            "empty": {"certificates": [], "report": {"errors": []}},
            "failed": {"failed": True, "msg": "Module failed:\n it is told."},
            "unreachable": {"unreachable": True, "msg": "No route."},
            "unknown": {},
        }
    )
    assert audit["machines"] == {"good": 1, "part": 1, "empty": 0}
    assert audit["not_read"] == ["failed", "unknown", "unreachable", "unreadable"]
    assert audit["errors"] == {
        "part": ["/etc/ssl/a.pem: it is damaged"],
        "unreadable": ["/etc/ssl/a.pem: it is damaged", "an empty path: missing"],
        "failed": ["Module failed: it is told."],
        "unreachable": ["No route."],
    }


def test_a_list_of_certificates_is_enough() -> None:
    assert compare({"good": {"certificates": [ROOT]}})["machines"] == {"good": 1}


def test_the_controller_is_nobody_of_the_hosts() -> None:
    assert compare({"controller": READ}, controller=READ)["machines"] == {"controller": 1, "the controller": 1}


@pytest.mark.parametrize("name", ["the controller", "Mozilla's set"])
def test_a_name_that_would_be_taken_for_somebody_else_is_refused(name: str) -> None:
    with pytest.raises(AnsibleTypeError, match=f"no machine may be called {name}"):
        compare({name: READ})


@pytest.mark.parametrize("machines", [None, [], "text"])
def test_what_is_no_dictionary_of_machines_is_refused(machines: Any) -> None:
    with pytest.raises(AnsibleTypeError, match="takes a dictionary of results by the names of machines"):
        compare(machines)


@pytest.mark.parametrize(
    "result",
    [
        None,
        [ROOT],
        {"certificates": ROOT},
        {"certificates": "PEM"},
        {"certificates": ["PEM"]},
        {"certificates": [{"subject": "CN=Root"}]},
        {"certificates": [{**ROOT, "sha256": None}]},
        {"certificates": [{**ROOT, "spki_sha256": []}]},
        {"certificates": [{**ROOT, "not_after": 2026}]},
        {"certificates": [ROOT], "report": []},
        {"certificates": [ROOT], "report": {"errors": "none"}},
        {"certificates": [ROOT], "report": {"errors": ["none"]}},
    ],
)
def test_what_is_no_result_is_refused_by_name(result: Any) -> None:
    with pytest.raises(AnsibleTypeError, match="compare_roots: web1 is not what native_roots_info returns"):
        compare({"web1": result})


def test_what_is_no_list_of_certificates_is_not_mozillas_set() -> None:
    with pytest.raises(AnsibleTypeError, match="compare_roots: mozilla is not what native_roots_info returns"):
        compare({"web1": READ}, mozilla=["PEM"])
