# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy of an authority: defaults, options left out, refused differences, and the stored form."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import (
    Lifetimes,
    Policy,
    Subject,
    decode_policy,
    encode_policy,
    refused_differences,
    stored_schema,
    unfollowed,
    wanted_policy,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.urls import Urls

CUSTOM: dict[str, Any] = {
    "subject": {"common_name": "Corp", "organization": "Corp AS", "country": "NO"},
    "key_type": "ecdsa-p384",
    "permitted_domains": ["corp.example"],
    "permitted_networks": ["10.0.0.0/8"],
    "root_lifetime": 2000,
    "issuing_lifetime": 800,
    "responder_lifetime": 20,
    "leaf_lifetime": 60,
    "staple_lifetime": 3,
    "crl_url": "http://pki.corp.example/{issuer}.crl",
    "ocsp_url": "http://ocsp.corp.example",
    "issuer_url": "http://pki.corp.example/{issuer}.cer",
}


@pytest.fixture
def custom() -> Policy:
    return wanted_policy(CUSTOM, None, "unused")


def test_a_new_authority_has_the_designed_defaults(policy: Policy) -> None:
    assert policy.subject == Subject("Test authority")
    assert policy.key_type is KeyType.ECDSA_P256
    assert policy.constraints is not None
    assert policy.constraints.domains == ("localhost", "local", "test", "internal", "home.arpa")
    assert policy.constraints.networks == (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
    )
    assert policy.lifetimes == Lifetimes(root=3650, issuing=1095, responder=30, leaf=90, staple=7)
    assert policy.urls == Urls()


def test_every_option_is_taken(custom: Policy) -> None:
    assert custom.subject == Subject("Corp", "Corp AS", "NO")
    assert custom.key_type is KeyType.ECDSA_P384
    assert custom.constraints is not None
    assert (custom.constraints.domains, custom.constraints.networks) == (("corp.example",), ("10.0.0.0/8",))
    assert custom.lifetimes == Lifetimes(2000, 800, 20, 60, 3)
    assert custom.urls == Urls(CUSTOM["crl_url"], CUSTOM["ocsp_url"], CUSTOM["issuer_url"])


@pytest.mark.parametrize("left_out", [{}, dict.fromkeys(CUSTOM), {"subject": {}, "unconstrained": None}])
def test_options_left_out_keep_what_the_authority_has(custom: Policy, left_out: dict[str, Any]) -> None:
    assert wanted_policy(left_out, custom, "another default") == custom


def test_a_subject_that_an_authority_already_has_is_kept(custom: Policy) -> None:
    """An earlier release may have accepted it, and its hosts trust it."""
    former = replace(custom, subject=Subject("Corp\troot"))
    assert wanted_policy({}, former, "") == former
    assert decode_policy(encode_policy(former), "policy.json") == former


def test_part_of_a_subject_keeps_the_rest(custom: Policy) -> None:
    wanted = wanted_policy({"subject": {"country": "NO", "organization": None}}, custom, "")
    assert wanted == custom


def test_only_the_domains_given_keeps_the_networks(custom: Policy) -> None:
    wanted = wanted_policy({"permitted_domains": ["corp.example"]}, custom, "")
    assert wanted.constraints == custom.constraints


def test_only_the_domains_given_to_a_new_authority_leaves_the_default_networks() -> None:
    wanted = wanted_policy({"permitted_domains": ["corp.example"]}, None, "Corp")
    assert wanted.constraints is not None
    assert wanted.constraints.domains == ("corp.example",)
    assert "192.168.0.0/16" in wanted.constraints.networks


@pytest.mark.parametrize("order", [["local", "test"], ["test", "local"], ["test", "local", "TEST."]])
def test_the_order_of_the_subtrees_is_no_difference(order: list[str]) -> None:
    existing = wanted_policy({"permitted_domains": ["local", "test"]}, None, "Corp")
    wanted = wanted_policy({"permitted_domains": order}, existing, "")
    assert wanted == existing
    assert refused_differences(existing, wanted) == []


def test_no_country_code_differs_by_its_case(custom: Policy) -> None:
    assert refused_differences(custom, wanted_policy({"subject": {"country": "no"}}, custom, "")) == []


def test_unconstrained_is_written_out() -> None:
    assert wanted_policy({"unconstrained": True}, None, "Corp").constraints is None
    unconstrained = wanted_policy({"unconstrained": True}, None, "Corp")
    assert wanted_policy({}, unconstrained, "") == unconstrained
    assert wanted_policy({"unconstrained": False}, None, "Corp").constraints is not None


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"key_type": "rsa-3072"}, "key_type is ecdsa-p384, not rsa-3072"),
        ({"subject": {"common_name": "Other"}}, "subject.common_name is 'Corp', not 'Other'"),
        ({"subject": {"organization": ""}}, "subject.organization is 'Corp AS', not ''"),
        ({"subject": {"country": "SE"}}, "subject.country is 'NO', not 'SE'"),
        ({"unconstrained": True}, "it is constrained, not unconstrained"),
        ({"permitted_domains": ["other.example"]}, "permitted_domains is [corp.example], not [other.example]"),
        ({"permitted_networks": []}, "permitted_networks is [10.0.0.0/8], not []"),
    ],
)
def test_each_difference_that_an_existing_authority_cannot_take(
    custom: Policy, options: dict[str, Any], difference: str
) -> None:
    assert refused_differences(custom, wanted_policy(options, custom, "")) == [difference]


@pytest.mark.parametrize("options", [{"unconstrained": False}, {"permitted_domains": ["test"]}])
def test_an_unconstrained_authority_cannot_be_constrained_later(custom: Policy, options: dict[str, Any]) -> None:
    unconstrained = replace(custom, constraints=None)
    wanted = wanted_policy(options, unconstrained, "")
    assert refused_differences(unconstrained, wanted) == ["it is unconstrained, not constrained"]


def test_all_differences_are_told_at_once(custom: Policy) -> None:
    wanted = wanted_policy({"key_type": "ed25519", "subject": {"country": "SE"}, "unconstrained": True}, custom, "")
    assert len(refused_differences(custom, wanted)) == 3


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"key_type": "rsa-3072"}, ""),
        ({"unconstrained": True}, ""),
        ({"permitted_domains": ["corp.example", "other.example"], "permitted_networks": ["10.0.0.0/7", "::/0"]}, ""),
        ({"permitted_domains": ["example"]}, ""),
        ({"permitted_domains": ["sub.corp.example"]}, "no longer permits corp.example is"),
        ({"permitted_domains": ["orp.example"]}, "no longer permits corp.example is"),
        ({"permitted_networks": ["10.0.0.0/9", "::/0"]}, "no longer permits 10.0.0.0/8 is"),
        ({"permitted_domains": ["test"], "permitted_networks": []}, "no longer permits corp.example, 10.0.0.0/8 is"),
        ({"subject": {"common_name": "Other"}}, "keeps its name, 'Corp', also with another root"),
    ],
)
def test_another_root_is_one_to_which_all_leaves_can_follow(
    custom: Policy, options: dict[str, Any], reason: str
) -> None:
    refusal = unfollowed(custom, wanted_policy(options, custom, ""))
    assert reason in refusal
    assert bool(reason) == bool(refusal)


def test_leaves_of_an_unconstrained_root_follow_an_unconstrained_one_alone(custom: Policy) -> None:
    unconstrained = replace(custom, constraints=None)
    assert "no longer permits any name" in unfollowed(unconstrained, custom)
    assert unfollowed(unconstrained, replace(unconstrained, key_type=KeyType.ED25519)) == ""


def test_lifetimes_may_change(custom: Policy) -> None:
    options = {"root_lifetime": 3650, "issuing_lifetime": 900, "responder_lifetime": 40}
    wanted = wanted_policy({**options, "leaf_lifetime": 365, "staple_lifetime": 10}, custom, "")
    assert wanted.lifetimes == Lifetimes(3650, 900, 40, 365, 10)
    assert refused_differences(custom, wanted) == []


def test_urls_may_change_and_end(custom: Policy) -> None:
    wanted = wanted_policy({"crl_url": "", "ocsp_url": "http://other.example/{issuer}"}, custom, "")
    assert wanted.urls == Urls("", "http://other.example/{issuer}", CUSTOM["issuer_url"])
    assert refused_differences(custom, wanted) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"subject": {"common_name": ""}}, "subject.common_name: give 1 to"),
        ({"subject": {"common_name": "x" * 53}}, "subject.common_name: give 1 to 52"),
        ({"subject": {"common_name": "ø" * 30}}, "subject.common_name: give 1 to 52"),
        ({"subject": {"common_name": "  "}}, "subject.common_name: '  ' is blank or holds"),
        ({"subject": {"common_name": "Corp\nroot"}}, "subject.common_name: 'Corp\\nroot' is blank or holds"),
        ({"subject": {"common_name": "Corp\u202e"}}, "subject.common_name: 'Corp\\u202e' is blank or holds"),
        ({"subject": {"organization": "Corp\0"}}, "subject.organization: 'Corp\\x00' is blank or holds"),
        ({"subject": {"organization": " "}}, "subject.organization: ' ' is blank or holds"),
        ({"subject": {"organization": "x" * 65}}, "subject.organization: at most 64"),
        ({"subject": {"country": "Norway"}}, "subject.country: 'NORWAY' is not a country code"),
        ({"subject": {"country": "N1"}}, "subject.country: 'N1' is not a country code"),
        ({"subject": {"country": "ÅÅ"}}, "subject.country: 'ÅÅ' is not a country code"),
        ({"staple_lifetime": 0}, "staple_lifetime: give one day or more"),
        ({"leaf_lifetime": -1}, "leaf_lifetime: give one day or more"),
        ({"leaf_lifetime": 826, "issuing_lifetime": 1800}, "leaf_lifetime: 826 days are more than the 825"),
        ({"root_lifetime": 10**7}, "root_lifetime: "),
        ({"leaf_lifetime": 600}, "leaf_lifetime: 600 days leave no room for renewal within issuing_lifetime (1095"),
        ({"issuing_lifetime": 1826}, "issuing_lifetime: 1826 days leave no room for renewal within root_lifetime"),
        ({"responder_lifetime": 600}, "responder_lifetime: 600 days leave no room for renewal within issuing_lifetime"),
        ({"staple_lifetime": 16}, "staple_lifetime: 16 days leave no room for renewal within responder_lifetime (30"),
        (
            {"crl_url": "https://pki.test/{issuer}.crl"},
            "crl_url: 'https://pki.test/{issuer}.crl' does not begin with http",
        ),
        ({"crl_url": "http:///{issuer}.crl"}, "crl_url: 'http:///{issuer}.crl' does not begin with http:// and a host"),
        ({"crl_url": "http://pki.test/all.crl"}, "crl_url: 'http://pki.test/all.crl' is the same for each issuer"),
        ({"issuer_url": "http://pki.test/ca.cer"}, "issuer_url: 'http://pki.test/ca.cer' is the same for each issuer"),
        ({"issuer_url": "http://pki.test/{number}"}, "issuer_url: 'http://pki.test/{number}' is no URL"),
        ({"ocsp_url": "http://pki.test/a b"}, "ocsp_url: 'http://pki.test/a b' is no URL"),
        ({"ocsp_url": "http://ø.test"}, "ocsp_url: 'http://ø.test' is no URL"),
        ({"permitted_domains": []}, "permitted_domains: name at least one domain"),
        ({"permitted_networks": ["x"]}, "permitted_networks: 'x' is not a network"),
    ],
)
def test_what_no_authority_can_have_is_refused_in_the_words_of_its_option(options: dict[str, Any], words: str) -> None:
    with pytest.raises(PkiError) as caught:
        wanted_policy(options, None, "Corp")
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("options", [{}, CUSTOM, {"unconstrained": True}, {"permitted_networks": []}])
def test_a_stored_policy_is_read_back_as_it_was(options: dict[str, Any]) -> None:
    policy = wanted_policy(options, None, "Corp")
    assert decode_policy(encode_policy(policy), "policy.json") == policy


def test_a_policy_of_a_newer_release_asks_for_an_update(policy: Policy) -> None:
    newer = json.dumps({**json.loads(encode_policy(policy)), "schema": 6}).encode()
    with pytest.raises(PkiError, match=r"policy.json was written by a newer release of anchorage.pki. Update"):
        decode_policy(newer, "policy.json")


@pytest.mark.parametrize("schema", [1, 2])
def test_a_policy_of_an_older_schema_is_read_without_urls_and_written_as_schema_5(custom: Policy, schema: int) -> None:
    stored = json.loads(encode_policy(custom))
    former = json.dumps({**{key: stored[key] for key in stored if key != "urls"}, "schema": schema}).encode()
    assert decode_policy(former, "policy.json") == replace(custom, urls=Urls())
    assert (stored_schema(former), stored_schema(encode_policy(custom))) == (schema, 5)


def test_a_policy_of_schema_4_has_no_imported_root(custom: Policy) -> None:
    stored = json.loads(encode_policy(replace(custom, imported_root="ab" * 32)))
    former = {**{key: stored[key] for key in stored if key != "imported_root"}, "schema": 4}
    assert decode_policy(json.dumps(former).encode(), "policy.json") == custom


def test_a_policy_of_schema_3_has_a_root_of_its_own(custom: Policy) -> None:
    stored = json.loads(encode_policy(custom))
    former = {**{key: stored[key] for key in stored if key != "external_root"}, "schema": 3}
    assert decode_policy(json.dumps(former).encode(), "policy.json") == custom
    external = replace(custom, external_root=True)
    assert decode_policy(encode_policy(external), "policy.json") == external


def test_domains_of_earlier_versions_stay_what_an_authority_permits() -> None:
    stored = json.loads(encode_policy(wanted_policy({"permitted_domains": ["test"]}, None, "Corp")))
    former = ["test", "ab--c.test", "xn--n3h.test"]
    stored["constraints"]["domains"] = former
    policy = decode_policy(json.dumps(stored).encode(), "policy.json")
    assert policy.constraints is not None
    assert policy.constraints.domains == tuple(former)
    assert wanted_policy({}, policy, "") == policy


def test_a_domain_beyond_ascii_is_the_same_however_it_is_written() -> None:
    existing = wanted_policy({"permitted_domains": ["straße.test"]}, None, "Corp")
    for written in ("xn--strae-oqa.test", "STRAßE。test."):
        assert wanted_policy({"permitted_domains": [written]}, existing, "") == existing
    with pytest.raises(PkiError, match=r"^permitted_domains: 'ab--c' is not a DNS name: the label 'ab--c' has hyphens"):
        wanted_policy({"permitted_domains": ["ab--c"]}, existing, "")


def damaged_policies() -> list[bytes]:
    """A policy with each of its fields missing or of a wrong type, and texts that are none."""
    whole = json.loads(encode_policy(wanted_policy({}, None, "Corp")))
    missing = [{key: value for key, value in whole.items() if key != left_out} for left_out in whole]
    wrong = [{**whole, key: value} for key in whole for value in (3.5, "x", ["x"])]
    wrong += [{**whole, "schema": value} for value in (0, -1, True, 1.0, None)]
    foreign = [{**whole, "lifetimes": {"century": 1}}, {**whole, "subject": {}}, [], None]
    for part, field, value in (
        *(("subject", field, value) for field in whole["subject"] for value in (5, None, ["x"])),
        *(("lifetimes", field, value) for field in whole["lifetimes"] for value in ("90", 1.5, None, True, [1])),
        *(("constraints", field, value) for field in whole["constraints"] for value in ("test", None, [5], ["a b"])),
    ):
        wrong.append({**whole, part: {**whole[part], field: value}})
    wrong += [{**whole, "constraints": value} for value in ({}, False, 0, "")]
    return [b"", b"\xff\xfe", b"{", *(json.dumps(entry).encode() for entry in [*missing, *wrong, *foreign])]


@pytest.mark.parametrize("data", damaged_policies())
def test_a_damaged_policy_asks_for_the_backup(data: bytes) -> None:
    with pytest.raises(PkiError, match=r"policy.json is damaged. Restore the authority's folder from a backup"):
        decode_policy(data, "policy.json")


@pytest.mark.parametrize(("field", "days"), [("leaf", 10**30), ("leaf", -1), ("leaf", 0), ("staple", 29), ("root", 90)])
def test_a_stored_lifetime_that_no_authority_can_have_is_named(policy: Policy, field: str, days: int) -> None:
    stored = json.loads(encode_policy(policy))
    stored["lifetimes"][field] = days
    with pytest.raises(PkiError, match=r"^policy.json: \w+_lifetime: ") as caught:
        decode_policy(json.dumps(stored).encode(), "policy.json")
    assert "Correct the file" in str(caught.value)
