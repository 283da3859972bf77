# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host answers, which may be anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    Activation,
    ActivationOutcome,
    DeployedLeaf,
    Inquiry,
    Probe,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import (
    LONGEST_CSR,
    Delivery,
    Deployment,
    WantedKey,
)
from ansible_collections.anchorage.pki.plugins.module_utils._programs.digests import digests
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import LONGEST_LINE, MOST_ENTRIES, encode
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import HostFailedError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.host import deploy, inspect, remove, request_keys
from hypothesis import given
from hypothesis import strategies as st

SERVED = {"activation": encode(ActivationOutcome()), "others": [], "notices": [], "withdrawal": "installed"}
MALFORMED = "^The host returned a malformed result: "
MOST_DRIFT = 20

ENTRY: dict[str, Any] = {
    "name": "app",
    "generation": 3,
    "leaf_sha256": "a" * 64,
    "chain_sha256": "b" * 64,
    "staple_sha256": "",
    "pkcs12": True,
    "damage": "",
    "drift": ["the mode of privkey.pem is 0644, not 0600"],
    "unserved": ["127.0.0.1 port 443 does not serve the deployed leaf"],
    "withdrawn": "",
}


def answering(answer: Any) -> Callable[[dict[str, Any]], Any]:
    """A host that answers so, whatever it is asked."""
    return lambda _arguments: answer


def inspected(entry: Any) -> DeployedLeaf:
    """What is taken from a host's answer about one leaf."""
    (leaf,) = inspect(answering({**SERVED, "certificates": [entry]}), [Inquiry("app")], None).certificates
    return leaf


def test_an_honest_answer_is_taken_as_it_is() -> None:
    leaf = inspected(ENTRY)
    assert {**leaf.__dict__, "drift": list(leaf.drift), "unserved": list(leaf.unserved)} == ENTRY


def test_a_host_that_has_nothing_says_so() -> None:
    nothing = {**ENTRY, "generation": 0, "leaf_sha256": "", "chain_sha256": "", "pkcs12": False, "drift": []}
    assert inspected(nothing).generation == 0


def test_the_host_is_asked_in_plain_values() -> None:
    asked: list[dict[str, Any]] = []

    def host(arguments: dict[str, Any]) -> dict[str, Any]:
        asked.append(json.loads(json.dumps(arguments)))
        return {**SERVED, "certificates": [ENTRY]}

    activation = Activation(reload=("true",))
    inspect(host, [Inquiry("app", keep="a" * 64)], activation)
    inquiry = encode(Inquiry("app", keep="a" * 64))
    assert asked == [{"inspect": [inquiry], "activate": encode(activation), "digests": digests()}]


def test_what_is_too_long_for_a_reader_is_cut() -> None:
    leaf = inspected({**ENTRY, "damage": "d" * 10**6, "drift": ["x" * 10**5] * 1000})
    assert len(leaf.damage) == LONGEST_LINE
    assert [len(text) for text in leaf.drift] == [LONGEST_LINE] * MOST_DRIFT


@pytest.mark.parametrize("result", [{}, {"certificates": None}, {"certificates": {}}, {"certificates": []}])
def test_an_answer_about_too_little_is_refused(result: dict[str, Any]) -> None:
    with pytest.raises(PkiError, match=MALFORMED):
        inspect(answering({**SERVED, **result}), [Inquiry("app")], None)


def test_an_answer_about_too_much_is_refused() -> None:
    with pytest.raises(PkiError, match=MALFORMED):
        inspect(answering({**SERVED, "certificates": [ENTRY] * 1000}), [Inquiry("app")], None)


def test_an_answer_about_others_or_in_another_order_is_refused() -> None:
    host = answering({**SERVED, "certificates": [{**ENTRY, "name": "a"}, {**ENTRY, "name": "b"}]})
    assert len(inspect(host, [Inquiry("a"), Inquiry("b")], None).certificates) == 2
    for asked in ([Inquiry("b"), Inquiry("a")], [Inquiry("a"), Inquiry("c")]):
        with pytest.raises(PkiError, match=f"{MALFORMED}it is about other certificates than this task"):
            inspect(host, asked, None)


@pytest.mark.parametrize("left_out", list(ENTRY))
def test_an_answer_that_lacks_something_is_refused(left_out: str) -> None:
    with pytest.raises(PkiError, match=MALFORMED):
        inspected({key: value for key, value in ENTRY.items() if key != left_out})


@pytest.mark.parametrize("entry", [None, 5, "app", [], [ENTRY], True])
def test_an_answer_of_another_shape_is_refused(entry: Any) -> None:
    with pytest.raises(PkiError, match=MALFORMED):
        inspected(entry)


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
        *(
            (digest, value)
            for digest in ("leaf_sha256", "chain_sha256", "staple_sha256")
            for value in ("a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", "../../etc", 5, None, ["a" * 64])
        ),
    ],
)
def test_an_implausible_field_is_refused(field: str, value: Any) -> None:
    with pytest.raises(PkiError, match=MALFORMED):
        inspected({**ENTRY, field: value})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(changes=st.dictionaries(st.sampled_from(list(ENTRY)), JSON, min_size=1, max_size=3))
def test_any_json_is_an_answer_or_a_pki_error(changes: dict[str, Any]) -> None:
    try:
        leaf = inspected(json.loads(json.dumps({**ENTRY, **changes})))
    except PkiError:
        return
    assert leaf.generation >= 0
    assert all(
        isinstance(text, str) for text in (leaf.name, leaf.leaf_sha256, leaf.damage, *leaf.drift, *leaf.unserved)
    )
    assert isinstance(leaf.pkcs12, bool)


@pytest.mark.parametrize("failure", [{"failed": True, "msg": "no space"}, {"unreachable": True, "msg": "no space"}])
def test_a_host_that_failed_is_passed_on_with_all_it_said(failure: dict[str, Any]) -> None:
    for ask in (
        lambda host: inspect(host, [Inquiry("app")], None),
        lambda host: deploy(host, [Delivery("app", "repair")], None),
        lambda host: remove(host, ["app"]),
        lambda host: request_keys(host, [WantedKey("app")]),
    ):
        with pytest.raises(HostFailedError, match=r"^no space$") as caught:
            ask(answering(failure))
        assert caught.value.result == failure


# Keys of the host's own


def test_the_host_is_told_which_keys_to_make_and_answers_for_each_leaf() -> None:
    told: list[dict[str, Any]] = []

    def host(arguments: dict[str, Any]) -> dict[str, Any]:
        told.append(json.loads(json.dumps(arguments)))
        return {"changed": True, "certificates": [{"name": "b", "csr": "of b"}, {"name": "a", "csr": "of a"}]}

    wanted = [WantedKey("b", "ed25519"), WantedKey("a")]
    assert request_keys(host, wanted) == {"b": "of b", "a": "of a"}
    assert told == [{"request": encode(wanted)}]


@pytest.mark.parametrize(
    "entry", [None, {"name": "app"}, {"name": "other", "csr": ""}, {"name": "app", "csr": "x" * (LONGEST_CSR + 1)}]
)
def test_an_answer_without_a_request_is_refused(entry: Any) -> None:
    with pytest.raises(PkiError, match=MALFORMED):
        request_keys(answering({"changed": True, "certificates": [entry]}), [WantedKey("app")])


# After a deployment


CONFIRMED: dict[str, Any] = {"name": "app", "generation": 1, "leaf_sha256": "a" * 64, "staple_sha256": ""}
PROBE: dict[str, Any] = {
    "certificate": "app",
    "address": "127.0.0.1",
    "port": 443,
    "leaf": "served",
    "staple": "not probed",
    "detail": "no openssl",
}
ACTIVATION: dict[str, Any] = {"tested": True, "reloaded": False, "probes": [PROBE]}
DEPLOYMENT: dict[str, Any] = {
    "changed": True,
    "certificates": [CONFIRMED],
    "activation": ACTIVATION,
    "notices": ["an old generation stays"],
    "withdrawal": "installed",
}


def deployed(answer: Any, *names: str) -> Deployment:
    """What is taken from a host's answer to deliveries."""
    return deploy(answering(answer), [Delivery(name, "leaf") for name in names or ("app",)], None)


def test_the_host_is_told_what_to_deploy_and_how_to_activate_it() -> None:
    told: list[dict[str, Any]] = []

    def host(arguments: dict[str, Any]) -> dict[str, Any]:
        told.append(json.loads(json.dumps(arguments)))
        return DEPLOYMENT

    delivery, activation = (
        Delivery("app", "leaf", 4, staple=b"der"),
        Activation(reload=("true",), probes=(Probe("app"),)),
    )
    deploy(host, [delivery], activation)
    deploy(host, [delivery], None)
    assert told == [{"deploy": [encode(delivery)], "activate": activate} for activate in (encode(activation), None)]


def test_a_deployment_has_the_generation_of_each_leaf() -> None:
    entries = [{**CONFIRMED, "name": "b", "generation": 2}, {**CONFIRMED, "name": "a"}]
    deployment = deployed({**DEPLOYMENT, "certificates": entries}, "b", "a")
    assert [(leaf.name, leaf.generation) for leaf in deployment.certificates] == [("b", 2), ("a", 1)]
    assert deployment.notices == ("an old generation stays",)
    assert deployment.withdrawal == "installed"


@pytest.mark.parametrize(
    "certificates",
    [
        None,
        [],
        ["app"],
        [{**CONFIRMED, "name": "other"}],
        [{"name": "app"}],
        [{**CONFIRMED, "name": ["app"]}],
        [{**CONFIRMED, "generation": "x"}],
        [{**CONFIRMED, "generation": float("inf")}],
        [{**CONFIRMED, "generation": 10**9}],
        [{**CONFIRMED, "generation": -1}],
        [{**CONFIRMED, "staple_sha256": "x"}],
    ],
)
def test_a_deployment_without_a_leaf_is_no_success(certificates: Any) -> None:
    with pytest.raises(PkiError, match=MALFORMED):
        deployed({**DEPLOYMENT, "certificates": certificates})
    with pytest.raises(PkiError, match=MALFORMED):
        deployed({})


def test_an_activation_is_passed_on_as_it_was() -> None:
    assert encode(deployed(DEPLOYMENT).activation) == ACTIVATION


def test_of_an_activation_only_what_is_known_is_taken_and_cut() -> None:
    probe = {**PROBE, "detail": "x\x1b" * 10**5, "more": 1}
    activation = {**ACTIVATION, "probes": [probe] * 10**4, "more": 1}
    taken = deployed({**DEPLOYMENT, "activation": activation, "ansible_facts": {"evil": True}}).activation
    assert isinstance(taken, ActivationOutcome)
    assert len(taken.probes) == MOST_ENTRIES
    assert set(encode(taken.probes[0])) == set(PROBE)
    assert len(taken.probes[0].detail) == LONGEST_LINE
    assert taken.probes[0].detail.isprintable()


@pytest.mark.parametrize(
    "activation",
    [
        None,
        [],
        "reloaded",
        {"tested": True},
        *({**ACTIVATION, "probes": probes} for probes in (None, 5, [None], [{}], ["served"])),
        *({**ACTIVATION, "probes": [{**PROBE, "port": port}]} for port in (None, -1, 65536, "x")),
        *({**ACTIVATION, "tested": tested} for tested in (None, 1, "yes")),
    ],
)
def test_an_activation_of_another_shape_is_refused(activation: Any) -> None:
    with pytest.raises(PkiError, match=MALFORMED):
        deployed({**DEPLOYMENT, "activation": activation})


# After a removal


def test_a_removal_says_of_each_leaf_whether_it_was_there() -> None:
    entries = [{"name": "b", "removed": True}, {"name": "a", "removed": False}]
    removal = remove(answering({"changed": True, "certificates": entries, "notices": []}), ["b", "a"])
    assert [(leaf.name, leaf.removed) for leaf in removal.certificates] == [("b", True), ("a", False)]


@pytest.mark.parametrize(
    "certificates", [None, [], ["app"], [{"name": "other", "removed": True}], [{"name": "app"}], [{"removed": True}]]
)
def test_a_removal_without_a_leaf_is_no_success(certificates: Any) -> None:
    with pytest.raises(PkiError, match=MALFORMED):
        remove(answering({"changed": True, "certificates": certificates, "notices": []}), ["app"])
