# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task of leaf_certificate asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, Probe
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.policy import Policy, wanted_policy
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import (
    SHARED_OPTIONS,
    LeafRequest,
    activation,
    check_requests,
    check_server,
    folder_names,
    parse_requests,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Profile
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.keys import KeyType

RequestLeaf = Callable[..., LeafRequest]

#: What argument validation makes of a task that gives nothing but its names.
TASK: dict[str, Any] = {
    "name": None,
    "names": None,
    "certificates": None,
    "profile": "server",
    "key_type": "ecdsa-p256",
    "private_key": "controller",
    "lifetime": None,
    "staple": True,
    "must_staple": False,
    "pkcs12_passphrase": None,
    "server": "none",
    "destination": "/etc/pki/anchorage",
}
ACTIVATE: dict[str, Any] = {"test": None, "reload": ["reload"], "timeout": 30, "probes": None}
PROBE: dict[str, Any] = {"certificate": None, "address": "127.0.0.1", "port": 443, "server_name": None}


def entry(name: str, *names: str, **options: Any) -> dict[str, Any]:
    left_out = dict.fromkeys(SHARED_OPTIONS)
    return {**left_out, "name": name, "names": list(names or [f"{name}.test"]), **options}


def test_one_certificate_is_asked_for_by_name_and_names() -> None:
    (request,) = parse_requests({**TASK, "name": "app", "names": ["app.test", "10.0.0.1"]})
    assert request.name == "app"
    assert [str(name) for name in request.names] == ["app.test", "10.0.0.1"]
    assert (request.profile, request.key_type) == (Profile.SERVER, KeyType.ECDSA_P256)
    assert (request.private_key, request.lifetime, request.staple) == ("controller", None, True)
    assert request.pkcs12_passphrase is None


def test_each_certificate_may_say_for_itself_what_the_task_says_for_all() -> None:
    task = {**TASK, "profile": "peer", "lifetime": 30, "staple": False, "pkcs12_passphrase": "for all"}
    own = {"profile": "client", "key_type": "rsa-3072", "private_key": "host", "lifetime": 10, "staple": True}
    first, second = parse_requests(
        {**task, "certificates": [entry("first"), entry("second", **own, pkcs12_passphrase="own")]}
    )
    assert (first.profile, first.key_type, first.lifetime) == (Profile.PEER, KeyType.ECDSA_P256, 30)
    assert (first.private_key, first.staple, first.pkcs12_passphrase) == ("controller", False, "for all")
    assert (second.profile, second.key_type, second.lifetime) == (Profile.CLIENT, KeyType.RSA_3072, 10)
    assert (second.private_key, second.staple, second.pkcs12_passphrase) == ("host", True, "own")


def test_a_certificate_may_refuse_what_the_task_wants_for_all() -> None:
    (request,) = parse_requests({**TASK, "certificates": [entry("app", staple=False)]})
    assert request.staple is False


@pytest.mark.parametrize("name", ["app", "a", "1", "App.example-com_2", "x" * 200])
def test_a_name_is_a_folders(name: str) -> None:
    (request,) = parse_requests({**TASK, "name": name, "names": ["app.test"]})
    assert request.name == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "-x", "a/b", "../a", "a b", "a\n", "blåbær", "x" * 201, "a\0", "*.test"]
)
def test_what_is_no_folders_name_is_refused(name: str) -> None:
    with pytest.raises(PkiError, match=r"^name: .* cannot name a folder\. Use up to 200 letters, digits"):
        parse_requests({**TASK, "name": name, "names": ["app.test"]})


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({"certificates": [entry("a"), entry("b"), entry("a")]}, "name: 'a' is given twice"),
        ({"name": "app", "names": []}, "names: a leaf needs at least one name"),
        ({"name": "app", "names": ["*.localhost"]}, "names: clients refuse the wildcard"),
        ({"name": "app", "names": ["app.test"], "lifetime": 0}, "lifetime: give one day or more for 'app'"),
        ({"certificates": [entry("app", lifetime=-5)]}, "lifetime: give one day or more for 'app'"),
        ({"name": "app", "names": ["app.test"], "pkcs12_passphrase": ""}, "pkcs12_passphrase: give one for 'app'"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_the_words_of_its_option(task: dict[str, Any], words: str) -> None:
    with pytest.raises(PkiError) as caught:
        parse_requests({**TASK, **task})
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    "path", ["/", "//", "/.", "/etc", "/etc/", "/usr", "/var/../var", "/lib64", "/tmp", "/proc/1/root/srv", "/dev/shm"]
)
def test_a_destination_is_no_folder_of_the_systems_own(path: str) -> None:
    with pytest.raises(PkiError, match=r"^destination: .* is a folder of the system's own"):
        parse_requests({**TASK, "name": "app", "names": ["app.test"], "destination": path})
    assert folder_names({**TASK, "name": "app", "destination": path}) == ["app"]


@pytest.mark.parametrize("path", ["/etc/pki", "/srv", "/usr/local/etc/pki", "/root/pki", "~/pki", "/opt", "/library"])
def test_a_destination_may_be_anywhere_else(path: str) -> None:
    assert parse_requests({**TASK, "name": "app", "names": ["app.test"], "destination": path})


def test_leaves_to_remove_need_no_names() -> None:
    assert folder_names({**TASK, "name": "app"}) == ["app"]
    assert folder_names({**TASK, "certificates": [entry("b"), entry("a")]}) == ["b", "a"]
    with pytest.raises(PkiError, match=r"^name: '\.\./app' cannot name a folder"):
        folder_names({**TASK, "name": "../app"})


def test_the_representation_of_a_request_shows_no_passphrase(request_leaf: RequestLeaf) -> None:
    assert "hidden words" not in repr(request_leaf(pkcs12_passphrase="hidden words"))


# Against the authority


def no_rotation() -> None:
    """The policy that a rotation brings, where none is on its way."""


def test_names_outside_the_constraints_are_refused(request_leaf: RequestLeaf, policy: Policy) -> None:
    check_requests([request_leaf()], policy, no_rotation)
    with pytest.raises(PkiError, match=r"app.example.com would be rejected .*permitted_domains"):
        check_requests([request_leaf(), request_leaf("other", ("app.example.com",))], policy, no_rotation)
    check_requests([request_leaf("other", ("app.example.com",))], replace(policy, constraints=None), no_rotation)


def test_a_permitted_domain_beyond_ascii_is_that_of_its_a_labels(request_leaf: RequestLeaf, policy: Policy) -> None:
    german = wanted_policy({"permitted_domains": ["Straße。de"]}, None, "Corp")
    check_requests([request_leaf("app", ("app.straße.de", "*.xn--strae-oqa.de"))], german, no_rotation)
    with pytest.raises(
        PkiError, match=r"names: app\.日本\.de \(app\.xn--wgv71a\.de\) would be rejected .*xn--strae-oqa\.de"
    ):
        check_requests([request_leaf("app", ("app.straße.de", "app.日本.de"))], german, no_rotation)


def test_names_that_only_the_next_root_permits_are_refused_with_that_reason(
    request_leaf: RequestLeaf, policy: Policy
) -> None:
    wider = partial(wanted_policy, {"permitted_domains": ["test", "example.com"]}, policy, "")
    mixed = request_leaf("mixed", ("app.test", "app.example.com"))
    with pytest.raises(
        PkiError, match=r"only the new root of the rotation .* permits app.example.com\. Until .*switch"
    ):
        check_requests([mixed], policy, wider)
    with pytest.raises(PkiError, match=r"app.example.org would be rejected by every client"):
        check_requests([request_leaf("other", ("app.example.com", "app.example.org"))], policy, wider)
    check_requests([mixed], wider(), no_rotation)


def test_a_lifetime_beyond_the_issuing_authoritys_reach_is_refused(request_leaf: RequestLeaf, policy: Policy) -> None:
    check_requests([request_leaf(lifetime=90)], policy, no_rotation)
    with pytest.raises(
        PkiError, match=r"^lifetime: 91 days for 'app' .*\(90 days\).*raise leaf_lifetime of certificate_"
    ):
        check_requests([request_leaf(lifetime=91)], policy, no_rotation)


# Probes


@pytest.mark.parametrize(
    ("names", "server_name"),
    [
        (("app.test", "other.test"), "app.test"),
        (("10.0.0.1", "app.test"), "app.test"),
        (("*.app.test", "app.test"), "probe.app.test"),
        (("10.0.0.1", "ops@app.test"), ""),
    ],
)
def test_a_probe_asks_for_the_leaf_by_its_first_dns_name(
    request_leaf: RequestLeaf, names: tuple[str, ...], server_name: str
) -> None:
    asked = activation({**ACTIVATE, "probes": [PROBE]}, [request_leaf(names=names)], "none")
    assert asked == Activation((), ("reload",), 30.0, (Probe("app", "127.0.0.1", 443, server_name, True),))


def test_a_probe_may_say_everything_itself(request_leaf: RequestLeaf) -> None:
    said = {"certificate": "b", "address": "::1", "port": 8443, "server_name": "x.test"}
    requests = [request_leaf("a"), request_leaf("b", staple=False)]
    asked = activation({**ACTIVATE, "test": ["test"], "probes": [said]}, requests, "none")
    assert asked == Activation(("test",), ("reload",), 30.0, (Probe("b", "::1", 8443, "x.test", False),))


def test_without_probes_there_are_none(request_leaf: RequestLeaf) -> None:
    assert activation(ACTIVATE, [request_leaf()], "none") == Activation(reload=("reload",))
    assert activation(None, [request_leaf()], "none") is None


def test_an_empty_activation_is_none(request_leaf: RequestLeaf) -> None:
    """As argument validation leaves ``activate: {}``, by which a host of a group has no server."""
    empty = {"test": None, "reload": None, "timeout": None, "probes": None}
    assert activation(empty, [request_leaf()], "nginx") is None
    assert activation({**empty, "reload": ["reload"]}, [request_leaf()], "none").timeout == 30
    for some in ({"test": ["nginx", "-t"]}, {"probes": [PROBE]}, {"timeout": 5}, {"reload": []}):
        with pytest.raises(PkiError, match=r"^activate.reload: name the command .* or set activate to \{\}"):
            activation({**empty, **some}, [request_leaf()], "none")


@pytest.mark.parametrize("server", ["nginx", "haproxy", "apache", "caddy"])
def test_a_server_alone_is_activated_by_its_own_commands(request_leaf: RequestLeaf, server: str) -> None:
    empty = {"test": None, "reload": None, "timeout": None, "probes": None}
    requests = [request_leaf()]
    assert activation(None, requests, server) == Activation(server_commands=True)
    asked = activation({**empty, "test": ["test"], "timeout": 5}, requests, server)
    assert asked == Activation(("test",), timeout=5.0, server_commands=True)
    assert activation({**empty, "reload": ["reload"]}, requests, server) == Activation(reload=("reload",))


def test_no_staple_is_expected_of_a_server_that_takes_none(request_leaf: RequestLeaf) -> None:
    for server, stapled in (("nginx", True), ("haproxy", True), ("apache", True), ("caddy", False)):
        (probe,) = activation({**ACTIVATE, "probes": [PROBE]}, [request_leaf()], server).probes
        assert probe.staple is stapled


def test_two_kinds_of_key_cannot_share_the_one_staple_of_nginx(request_leaf: RequestLeaf) -> None:
    elliptic = request_leaf("a", names=("app.test", "a.test"))
    rsa = request_leaf("b", names=("b.test", "app.test"), key_type=KeyType.RSA_3072)
    with pytest.raises(PkiError, match=r"'a' \(ecdsa-p256\) and 'b' \(rsa-3072\) are both for app.test, and nginx"):
        check_server([elliptic, rsa], "nginx")
    larger = replace(elliptic, name="c", key_type=KeyType.ECDSA_P384)
    for requests, server in (
        ([elliptic, rsa], "haproxy"),
        ([elliptic, rsa], "apache"),
        ([elliptic, larger], "nginx"),
        ([elliptic, replace(rsa, staple=False)], "nginx"),
        ([elliptic, request_leaf("b", names=("b.test",), key_type=KeyType.RSA_3072)], "nginx"),
    ):
        check_server(requests, server)


@pytest.mark.parametrize(
    ("certificate", "words"),
    [(None, "say which of the certificates is served there"), ("c", "no certificate of this task is named 'c'")],
)
def test_a_probe_of_several_certificates_says_which(request_leaf, certificate: str | None, words: str) -> None:
    with pytest.raises(PkiError, match=f"^activate.probes.certificate: {words}"):
        activation(
            {**ACTIVATE, "probes": [{**PROBE, "certificate": certificate}]},
            [request_leaf("a"), request_leaf("b")],
            "none",
        )


def test_a_task_may_want_no_leaf_but_has_to_say_what_is_to_be_absent() -> None:
    assert parse_requests({**TASK, "certificates": []}) == []
    with pytest.raises(PkiError, match=r"^certificates: name at least one certificate"):
        folder_names({**TASK, "certificates": []})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"staple": False, "server": "nginx"}, "'app' would be refused by clients, since staple is false"),
        ({"profile": "client", "server": "nginx"}, "no client shows a staple"),
        ({"server": "none"}, "nothing makes sure that server 'none' shows its staple. Servers that do: nginx"),
    ],
)
def test_a_leaf_that_needs_a_staple_gets_one_that_is_shown(options: dict[str, Any], words: str) -> None:
    task = {**TASK, "server": options.pop("server")}
    with pytest.raises(PkiError, match="must_staple: ") as refusal:
        parse_requests({**task, "certificates": [entry("app", must_staple=True, **options)]})
    assert words in str(refusal.value)


def test_a_leaf_that_needs_a_staple_is_asked_for_one_by_one_or_for_all() -> None:
    task = {**TASK, "server": "nginx", "must_staple": True}
    first, second = parse_requests({**task, "certificates": [entry("first"), entry("second", must_staple=False)]})
    assert (first.must_staple, second.must_staple) == (True, False)
