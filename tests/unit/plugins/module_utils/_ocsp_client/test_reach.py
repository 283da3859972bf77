# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a fetch connects to, and whom it never does: counted where connections arrive."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.client import PAUSES, fetch
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer, Question
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.system import THIS_SYSTEM, System
from ansible_collections.anchorage.pki.tests.unit.leaves import make_leaf, tcp_server
from ansible_collections.anchorage.pki.tests.unit.ocsp_responder import HOLLOW, Reply, redirect, responder
from ansible_collections.anchorage.pki.tests.unit.processes import fork
from ansible_collections.anchorage.pki.tests.unit.scratch_network import PUBLIC, Network, server_tls, trusting

#: Its base64 has each of the characters that have to be escaped.
REQUEST = bytes.fromhex("fbeffffb")
NAME = "ocsp.test"
METADATA = "169.254.169.254"
PRIVATE_ALONE = "has a private address alone, and such are asked with allow_private only"
IS_PRIVATE = "is a private address, and such are asked with allow_private only"
#: A second address of this machine, as Linux has it without being asked.
OTHER = "127.0.0.2"


def ask(url: str, allow_private: bool = False) -> Question:
    return Question("app", url, REQUEST, allow_private)


@pytest.fixture
def public(network: Network) -> Network:
    """A network in which NAME is at a public address, whose place this machine takes."""
    network.names[NAME] = [[PUBLIC]]
    network.routes[PUBLIC] = "127.0.0.1"
    return network


# --- Addresses -------------------------------------------------------------------------------------------------------


def test_a_public_responder_is_asked_by_its_name_at_its_address(public: Network) -> None:
    with responder() as running:
        assert fetch(ask(f"http://{NAME}:{running.port}/"), public.system) == Answer("app", HOLLOW)
        assert running.requests[0].headers["Host"] == f"{NAME}:{running.port}"
    assert (public.resolved, public.connected) == ([NAME], [(PUBLIC, running.port)])


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("[::ffff:127.0.0.1]", "127.0.0.1"), (NAME, "127.0.0.1")],
)
def test_a_private_responder_is_asked_with_permission_alone(network: Network, host: str, address: str) -> None:
    network.names[NAME] = [[address]]
    with responder(address=address) as running:
        url = f"http://{host}:{running.port}/"
        refused = fetch(ask(url), network.system)
        assert refused.failure == f"{host.strip('[]')} {PRIVATE_ALONE if host == NAME else IS_PRIVATE}"
        assert not refused.transient
        assert running.connections == 0
        assert fetch(ask(url, allow_private=True), network.system).response == HOLLOW
        assert running.connections == 1


@pytest.mark.parametrize("allow_private", [False, True])
@pytest.mark.parametrize(
    "address", [METADATA, "0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "fe80::1", f"::ffff:{METADATA}", "::7f00:1"]
)
def test_some_addresses_are_never_asked(network: Network, address: str, allow_private: bool) -> None:
    network.names[NAME] = [[address]]
    literal = f"[{address}]" if ":" in address else address
    for host, said in ((literal, address), (NAME, f"{NAME} is at ")):
        answer = fetch(ask(f"http://{host}/", allow_private), network.system)
        assert said in answer.failure
        assert answer.failure.endswith(" an address that is never asked")
        assert not answer.transient
    assert network.connected == []


def test_of_several_addresses_the_permitted_ones_are_asked(public: Network) -> None:
    public.names[NAME] = [["127.0.0.1", "10.0.0.1", PUBLIC, "::1"]]
    with responder() as running:
        assert fetch(ask(f"http://{NAME}:{running.port}/"), public.system).response == HOLLOW
    assert public.connected == [(PUBLIC, running.port)]


def test_a_name_with_one_address_that_is_never_asked_is_not_asked_at_all(public: Network) -> None:
    public.names[NAME] = [[PUBLIC, "fe80::1%eth0"]]
    assert fetch(ask(f"http://{NAME}/", allow_private=True), public.system).failure == (
        f"{NAME} is at fe80::1, an address that is never asked"
    )
    assert public.connected == []


def test_the_next_address_is_asked_where_one_takes_no_connection(network: Network) -> None:
    network.names[NAME] = [[OTHER, "127.0.0.1"]]
    with responder() as running:
        assert fetch(ask(f"http://{NAME}:{running.port}/", True), network.system).response == HOLLOW
    assert network.connected == [(OTHER, running.port), ("127.0.0.1", running.port)]


def test_a_name_that_changes_its_answer_is_connected_to_where_it_was_looked_at(public: Network) -> None:
    """Whoever resolves it a second time gets the address behind the firewall."""
    public.names[NAME] = [[PUBLIC], [OTHER]]
    with responder() as running, responder(address=OTHER, port=running.port) as inside:
        url = f"http://{NAME}:{running.port}/"
        assert fetch(ask(url), public.system).response == HOLLOW
        assert (running.connections, inside.connections) == (1, 0)
        assert fetch(ask(url), public.system).failure == f"{NAME} {PRIVATE_ALONE}"
        assert (running.connections, inside.connections) == (1, 0)


def test_a_name_that_changes_its_answer_between_two_attempts_is_looked_at_again(public: Network) -> None:
    public.names[NAME] = [[PUBLIC], [OTHER]]
    with responder(Reply(status=500)) as running, responder(address=OTHER, port=running.port) as inside:
        assert fetch(ask(f"http://{NAME}:{running.port}/"), public.system).failure == f"{NAME} {PRIVATE_ALONE}"
        assert (running.connections, inside.connections) == (1, 0)


def test_a_name_that_does_not_exist_is_looked_up_once(network: Network) -> None:
    answer = fetch(ask(f"http://{NAME}/"), network.system)
    assert answer == Answer("app", b"", f"the name {NAME} cannot be resolved: Name or service not known")
    assert network.resolved == [NAME]


def test_a_name_server_that_is_busy_is_asked_again(network: Network) -> None:
    network.names[NAME] = [socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")]
    assert fetch(ask(f"http://{NAME}/"), network.system).transient
    assert network.resolved == [NAME] * (len(PAUSES) + 1)


def test_the_system_resolves_names_and_connects(network: Network) -> None:
    with responder() as running:
        answer = fetch(ask(f"http://localhost:{running.port}/", True), System(proxies=dict))
        assert (answer.response, running.connections) == (HOLLOW, 1)
    assert len(set(THIS_SYSTEM.resolve("127.0.0.1"))) == 1


def test_no_socket_is_connected_to_what_is_not_asked() -> None:
    """Seen where Python asks the kernel, with the system's own names and connections."""
    system = System(proxies=dict)
    with responder() as running, responder(redirect(f"http://{METADATA}/")) as astray:

        def check(_number: int) -> None:
            connected: list[tuple[str, int]] = []
            sys.addaudithook(lambda event, given: connected.append(given[1][:2]) if event == "socket.connect" else None)
            for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", METADATA):
                assert not fetch(ask(f"http://{host}:{running.port}/"), system).response
            for host in (METADATA, f"[::ffff:{METADATA}]", "[fe80::1]", "0.0.0.0", "[::]"):
                assert not fetch(ask(f"http://{host}:{running.port}/", True), system).response
            assert connected == []
            assert not fetch(ask(astray.url, True), system).response
            assert fetch(ask(running.url, True), system).response == HOLLOW
            assert connected == [("127.0.0.1", astray.port), ("127.0.0.1", running.port)]

        child = fork(check, 0)
        child.join(30)
    assert child.exitcode == 0


# --- Redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["{place}", f"{NAME}.inside:{{port}}", "[::ffff:127.0.0.1]:{port}"])
def test_a_redirect_to_a_private_address_is_not_followed_without_permission(public: Network, way: str) -> None:
    public.names[f"{NAME}.inside"] = [["127.0.0.1"]]
    with responder() as inside:
        url = f"http://{way.format(place=inside.place, port=inside.port)}/"
        with responder(redirect(url)) as outside:
            answer = fetch(ask(f"http://{NAME}:{outside.port}/"), public.system)
            assert answer.failure.endswith((PRIVATE_ALONE, IS_PRIVATE))
            assert not answer.transient
            assert (outside.connections, inside.connections) == (1, 0)
            assert fetch(ask(f"http://{NAME}:{outside.port}/", True), public.system).response == HOLLOW


@pytest.mark.parametrize("allow_private", [False, True])
def test_a_redirect_to_a_metadata_service_is_never_followed(public: Network, allow_private: bool) -> None:
    public.names["metadata.test"] = [[METADATA]]
    for host in (METADATA, "metadata.test", f"[::ffff:{METADATA}]"):
        with responder(redirect(f"http://{host}/latest/meta-data/")) as outside:
            answer = fetch(ask(f"http://{NAME}:{outside.port}/", allow_private), public.system)
            assert "an address that is never asked" in answer.failure
    assert {address for address, _port in public.connected} == {PUBLIC}
    assert len(public.connected) == 3


def test_a_later_redirect_is_looked_at_as_the_first_one_is(public: Network) -> None:
    with responder() as inside:
        steps = (redirect("/1"), redirect("/2"), redirect(f"{inside.url}/"))
        with responder(*steps) as outside:
            assert fetch(ask(f"http://{NAME}:{outside.port}/"), public.system).failure.endswith(IS_PRIVATE)
            assert (outside.connections, inside.connections) == (3, 0)


# --- TLS -------------------------------------------------------------------------------------------------------------


def test_a_responder_in_tls_proves_its_name(public: Network, tmp_path: Path) -> None:
    leaf = make_leaf(NAME)
    public.trusted = trusting(leaf)
    with responder(tls=server_tls(leaf, tmp_path)) as running:
        assert fetch(ask(f"https://{NAME}:{running.port}/"), public.system) == Answer("app", HOLLOW)
        assert running.requests[0].headers["Host"] == f"{NAME}:{running.port}"


@pytest.mark.parametrize(("name", "is_trusted"), [("other.test", True), (NAME, False)])
def test_a_responder_that_does_not_prove_its_name_is_not_asked(
    public: Network, tmp_path: Path, name: str, is_trusted: bool
) -> None:
    leaf = make_leaf(name)
    public.trusted = trusting(leaf) if is_trusted else None
    with responder(tls=server_tls(leaf, tmp_path)) as running:
        answer = fetch(ask(f"https://{NAME}:{running.port}/"), public.system)
        assert f"{NAME}:{running.port} shows no certificate to trust: " in answer.failure
        assert not answer.transient
        assert (running.connections, running.requests) == (1, [])


def test_an_answer_in_tls_takes_no_longer_than_another(public: Network, tmp_path: Path) -> None:
    leaf = make_leaf(NAME)
    public.trusted, public.haste = trusting(leaf), 20
    with responder(Reply(b"x" * 5000, pause=0.01), tls=server_tls(leaf, tmp_path)) as running:
        answer = fetch(ask(f"https://{NAME}:{running.port}/"), public.system)
        assert answer.failure == f"{NAME}:{running.port} did not answer in time"


def test_a_redirect_out_of_tls_is_refused(public: Network, tmp_path: Path) -> None:
    leaf = make_leaf(NAME)
    public.trusted = trusting(leaf)
    with responder() as plain:
        url = f"http://{NAME}:{plain.port}/"
        with responder(redirect(url), tls=server_tls(leaf, tmp_path)) as running:
            answer = fetch(ask(f"https://{NAME}:{running.port}/"), public.system)
            assert answer.failure == f"{NAME}:{running.port} redirects from https to http"
        assert plain.connections == 0


def _speak_http(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_server_without_tls_is_told_from_one_that_hangs_up(public: Network) -> None:
    with tcp_server(_speak_http) as port:
        answer = fetch(ask(f"https://{NAME}:{port}/"), public.system)
    assert "agrees to no TLS" in answer.failure
    assert not answer.transient


# --- Proxies ---------------------------------------------------------------------------------------------------------


def test_a_proxy_is_asked_for_the_whole_url_and_resolves_the_name(network: Network) -> None:
    with responder() as proxy:
        network.proxies = {"http": f"http://us%65r:pass%3Aword@{proxy.place}/"}
        assert fetch(ask(f"http://{NAME}:81/ocsp"), network.system) == Answer("app", HOLLOW)
        (seen,) = proxy.requests
    assert seen.target == f"http://{NAME}:81/ocsp/%2B%2B%2F%2F%2Bw%3D%3D"
    assert seen.headers["Host"] == f"{NAME}:81"
    assert seen.headers["Proxy-Authorization"] == "Basic dXNlcjpwYXNzOndvcmQ="
    assert network.resolved == []


def test_a_proxy_connects_to_a_responder_in_tls(network: Network, tmp_path: Path) -> None:
    leaf = make_leaf(NAME)
    network.trusted = trusting(leaf)
    with responder(tls=server_tls(leaf, tmp_path)) as running:
        with responder(Reply(b"", length=None, tunnel=running.port)) as proxy:
            network.proxies = {"https": f"user:pass@{proxy.place}"}
            assert fetch(ask(f"https://{NAME}/"), network.system) == Answer("app", HOLLOW)
            (seen,) = proxy.requests
        assert "Proxy-Authorization" not in running.requests[0].headers
    assert (seen.method, seen.target, seen.headers["Host"]) == ("CONNECT", f"{NAME}:443", f"{NAME}:443")
    assert seen.headers["Proxy-Authorization"] == "Basic dXNlcjpwYXNz"


@pytest.mark.parametrize(("status", "transient"), [(407, False), (403, False), (502, True)])
def test_a_proxy_that_connects_to_nobody_is_named(network: Network, status: int, transient: bool) -> None:
    with responder(Reply(status=status)) as proxy:
        network.proxies = {"https": proxy.url}
        answer = fetch(ask(f"https://{NAME}/"), network.system)
    failure = f"the proxy {proxy.place} does not connect to {NAME}: HTTP status {status}"
    assert answer == Answer("app", b"", failure, transient)


def test_what_a_proxy_answers_itself_names_it(network: Network) -> None:
    with responder(Reply(status=407)) as proxy:
        network.proxies = {"http": proxy.url}
        answer = fetch(ask(f"http://{NAME}/"), network.system)
    assert answer.failure == f"{NAME} (through the proxy {proxy.place}) answered with HTTP status 407"


@pytest.mark.parametrize("by_proxy", [False, True])
def test_a_peer_that_is_silent_before_the_request_is_waited_for_while_connecting(
    public: Network, by_proxy: bool
) -> None:
    """In the handshake of TLS, or in a proxy's answer: for half of the time, so that there is a second attempt."""
    public.haste = 8
    with tcp_server(_say_nothing) as port:
        public.proxies = {"https": f"127.0.0.1:{port}"} if by_proxy else {}
        answer = fetch(ask(f"https://{NAME}:{port}/"), public.system)
    assert (answer.failure.endswith("did not answer in time"), answer.transient) == (True, True)
    assert len(public.connected) == 2


def _say_nothing(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.1", "localhost", "a.localhost", METADATA, "[fe80::1]"])
def test_a_proxy_is_not_asked_for_an_address_that_this_host_may_not_ask(network: Network, host: str) -> None:
    with responder() as proxy:
        network.proxies = {"http": proxy.url, "https": proxy.url}
        for scheme in ("http", "https"):
            assert not fetch(ask(f"{scheme}://{host}/"), network.system).transient
        assert proxy.connections == 0


def test_a_redirect_through_a_proxy_is_looked_at_too(network: Network) -> None:
    with responder(redirect(f"http://{METADATA}/")) as proxy:
        network.proxies = {"http": proxy.url}
        assert "never asked" in fetch(ask(f"http://{NAME}/", True), network.system).failure
        assert proxy.connections == 1


@pytest.mark.parametrize("exception", [NAME, ".test", "test", f"{NAME}:{{port}}", "*", "x, ocsp.test"])
def test_some_hosts_need_no_proxy(public: Network, exception: str) -> None:
    with responder() as proxy, responder() as running:
        public.proxies = {"http": proxy.url, "no": exception.format(port=running.port)}
        assert fetch(ask(f"http://{NAME}:{running.port}/"), public.system).response == HOLLOW
        assert (proxy.connections, running.connections) == (0, 1)


@pytest.mark.parametrize("exception", ["localhost,127.0.0.1,::1", "[::1]", "[::1]:{port}"])
def test_an_address_of_ipv6_needs_no_proxy_however_it_is_written(network: Network, exception: str) -> None:
    with responder() as proxy, responder(address="::1") as running:
        network.proxies = {"http": proxy.url, "no": exception.format(port=running.port)}
        assert fetch(ask(running.url, True), network.system).response == HOLLOW
        assert (proxy.connections, running.connections) == (0, 1)


@pytest.mark.parametrize(
    "proxy", ["https://user:secret@proxy/", "socks5://user:secret@proxy:1", "http://", "http://a:b"]
)
def test_a_proxy_of_another_kind_is_refused_without_its_password(network: Network, proxy: str) -> None:
    network.proxies = {"http": proxy}
    answer = fetch(ask(f"http://{NAME}/"), network.system)
    assert answer.failure == (
        "the proxy that http_proxy names in the environment cannot be used: it must be http://host:port"
    )
    assert not network.connected


def test_the_environment_names_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with responder(lambda seen: Reply(HOLLOW if seen.target.startswith("http:") else b"")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert fetch(ask(f"http://{NAME}/"), THIS_SYSTEM).response == HOLLOW
