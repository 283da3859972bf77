# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host reports, which may be anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.host_report import (
    LONGEST_CSR,
    LONGEST_TEXT,
    MOST_DRIFT,
    MOST_PROBES,
    DeployedLeaf,
    parse_activation,
    parse_arrival,
    parse_removal,
    parse_report,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import LeafRequest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ENTRY: dict[str, Any] = {
    "name": "app",
    "generation": 3,
    "leaf_sha256": "a" * 64,
    "chain_sha256": "b" * 64,
    "staple_sha256": "",
    "pkcs12": True,
    "damage": "",
    "drift": ["the mode of privkey.pem is 0644, not 0600"],
    "csr": "",
}


@pytest.fixture
def parse(request_leaf: Callable[..., LeafRequest]) -> Callable[[Any], DeployedLeaf]:
    """A function that reads a report about one leaf."""

    def report(entry: Any) -> DeployedLeaf:
        (leaf,) = parse_report({"certificates": [entry]}, [request_leaf()])
        return leaf

    return report


def test_an_honest_report_is_taken_as_it_is(parse) -> None:
    leaf = parse(ENTRY)
    assert {**leaf.__dict__, "drift": list(leaf.drift)} == ENTRY


def test_a_host_that_has_nothing_says_so(parse) -> None:
    nothing = {**ENTRY, "generation": 0, "leaf_sha256": "", "chain_sha256": "", "pkcs12": False, "drift": []}
    assert parse(nothing).generation == 0


def test_what_is_too_long_for_a_reader_is_cut(parse) -> None:
    leaf = parse({**ENTRY, "damage": "d" * 10**6, "drift": ["x" * 10**5] * 1000})
    assert len(leaf.damage) == LONGEST_TEXT
    assert [len(text) for text in leaf.drift] == [LONGEST_TEXT] * MOST_DRIFT


@pytest.mark.parametrize("result", [{}, {"certificates": None}, {"certificates": {}}, {"certificates": []}])
def test_a_report_about_too_little_is_refused(request_leaf, result: dict[str, Any]) -> None:
    with pytest.raises(PkiError, match="does not fit the certificates of this task"):
        parse_report(result, [request_leaf()])


def test_a_report_about_too_much_is_refused(request_leaf) -> None:
    with pytest.raises(PkiError, match="does not fit the certificates of this task"):
        parse_report({"certificates": [ENTRY] * 1000}, [request_leaf()])


def test_a_report_about_others_or_in_another_order_is_refused(request_leaf) -> None:
    entries = [{**ENTRY, "name": "a"}, {**ENTRY, "name": "b"}]
    assert len(parse_report({"certificates": entries}, [request_leaf("a"), request_leaf("b")])) == 2
    for asked in ([request_leaf("b"), request_leaf("a")], [request_leaf("a"), request_leaf("c")]):
        with pytest.raises(PkiError, match="is about other certificates than this task"):
            parse_report({"certificates": entries}, asked)


@pytest.mark.parametrize("left_out", list(ENTRY))
def test_a_report_that_lacks_something_is_refused(parse, left_out: str) -> None:
    with pytest.raises(PkiError, match="is not readable"):
        parse({key: value for key, value in ENTRY.items() if key != left_out})


@pytest.mark.parametrize("entry", [None, 5, "app", [], [ENTRY], True])
def test_a_report_of_another_shape_is_refused(parse, entry: Any) -> None:
    with pytest.raises(PkiError, match="is not readable"):
        parse(entry)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("generation", -1),
        ("generation", "three"),
        ("generation", None),
        ("generation", float("inf")),
        ("generation", float("nan")),
        ("generation", "9" * 5000),
        ("generation", 10**9),
        ("drift", 5),
        ("drift", None),
        ("csr", "x" * (LONGEST_CSR + 1)),
        *(
            (digest, value)
            for digest in ("leaf_sha256", "chain_sha256", "staple_sha256")
            for value in ("a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", "../../etc", 5, None, ["a" * 64])
        ),
    ],
)
def test_an_implausible_field_is_refused(parse, field: str, value: Any) -> None:
    with pytest.raises(PkiError, match=r"is not readable|is not plausible"):
        parse({**ENTRY, field: value})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from(list(ENTRY)), JSON, min_size=1, max_size=3))
def test_any_json_is_a_report_or_a_pki_error(parse, changes: dict[str, Any]) -> None:
    try:
        leaf = parse(json.loads(json.dumps({**ENTRY, **changes})))
    except PkiError:
        return
    assert leaf.generation >= 0
    assert all(isinstance(text, str) for text in (leaf.name, leaf.leaf_sha256, leaf.damage, leaf.csr, *leaf.drift))
    assert isinstance(leaf.pkcs12, bool)


# After a deployment


def test_an_arrival_has_the_generation_of_each_leaf() -> None:
    arrival = {
        "certificates": [{"name": "b", "generation": 2}, {"name": "a", "generation": 1}, {"name": "c", "generation": 9}]
    }
    assert parse_arrival(arrival, ["a", "b"]) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "arrival",
    [
        {},
        {"certificates": None},
        {"certificates": []},
        {"certificates": ["app"]},
        {"certificates": [{"name": "other", "generation": 1}]},
        {"certificates": [{"name": "app"}]},
        {"certificates": [{"name": ["app"], "generation": 1}]},
        {"certificates": [{"name": "app", "generation": "x"}]},
        {"certificates": [{"name": "app", "generation": float("inf")}]},
        {"certificates": [{"name": "app", "generation": 10**9}]},
        {"certificates": [{"name": "app", "generation": -1}]},
    ],
)
def test_an_arrival_without_a_leaf_is_no_success(arrival: dict[str, Any]) -> None:
    with pytest.raises(PkiError, match="does not say what it deployed"):
        parse_arrival(arrival, ["app"])


PROBE: dict[str, Any] = {
    "certificate": "app",
    "address": "127.0.0.1",
    "port": 443,
    "leaf": "served",
    "staple": "not probed",
    "detail": "no openssl",
}


def test_an_activation_is_told_as_it_was() -> None:
    activation = {"tested": True, "reloaded": False, "probes": [PROBE]}
    assert parse_activation({"activation": activation}) == activation


def test_of_an_activation_only_what_is_known_is_taken_and_cut() -> None:
    probe = {**PROBE, "detail": "x\x1b" * 10**5, "more": 1}
    activation = {"tested": 1, "reloaded": "yes", "probes": [probe] * 10**4, "more": 1}
    parsed = parse_activation({"activation": activation})
    assert (parsed["tested"], parsed["reloaded"], set(parsed)) == (True, True, {"tested", "reloaded", "probes"})
    assert len(parsed["probes"]) == MOST_PROBES
    assert set(parsed["probes"][0]) == set(PROBE)
    assert len(parsed["probes"][0]["detail"]) == LONGEST_TEXT
    assert parsed["probes"][0]["detail"].isprintable()


@pytest.mark.parametrize(
    "activation",
    [
        None,
        [],
        "reloaded",
        {"tested": True},
        *({"tested": True, "reloaded": True, "probes": probes} for probes in (None, 5, [None], [{}], ["served"])),
        *({"tested": True, "reloaded": True, "probes": [{**PROBE, "port": port}]} for port in (None, -1, 65536, "x")),
    ],
)
def test_an_activation_of_another_shape_is_refused(activation: Any) -> None:
    with pytest.raises(PkiError, match="does not say what it deployed"):
        parse_activation({"activation": activation})


# After a removal


def test_a_removal_tells_of_each_leaf_whether_it_was_there() -> None:
    answer = {"certificates": [{"name": "b", "removed": True}, {"name": "a", "removed": False}]}
    assert parse_removal(answer, ["a", "b"]) == {"a": False, "b": True}


@pytest.mark.parametrize(
    "certificates", [None, [], ["app"], [{"name": "other", "removed": True}], [{"name": "app"}], [{"removed": True}]]
)
def test_a_removal_without_a_leaf_is_no_success(certificates: Any) -> None:
    with pytest.raises(PkiError, match="does not say what it removed"):
        parse_removal({"certificates": certificates}, ["app"])
