# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what is deployed is also served, as an inspection finds it: by the record of the host, and a real nginx."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activated import RECORD
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.activated_changes import STAGED_RECORD
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.generations import sha256
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.inspection import inspect_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    Activation,
    Inquiry,
    Inspection,
    Probe,
    ProbeFinding,
)
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    NGINX,
    NO_SERVER,
    Leaf,
    delivery,
    deploy_leaf,
    destination_at,
    free_port,
    make_leaf,
    renewed_staple,
    repair,
    tree,
)
from ansible_collections.anchorage.pki.tests.unit.scratch_nginx import Nginx

needs_nginx = pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")
RELOAD = Activation(reload=("true",))


def inspect(destination: Destination, leaf: Leaf, activation: Activation, name: str = "app") -> Inspection:
    """What a host says of a leaf that the controller would keep."""
    inquiry = Inquiry(name, keep=leaf.sha256, keep_chain=sha256(leaf.chain.encode()))
    return inspect_leaves(destination, [inquiry], activation)


def unserved(destination: Destination, leaf: Leaf, activation: Activation) -> tuple[str, ...]:
    found = inspect(destination, leaf, activation).certificates[0]
    assert found.drift == ()
    return found.unserved


def wait_until_served(nginx: Nginx, leaf: Leaf) -> None:
    """Wait until nothing is to be done: for a moment after a reload, a worker of before may still answer."""
    deadline = time.monotonic() + 20
    while unserved(nginx.destination, leaf, nginx.activation):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def destination(private_folder: Path) -> Destination:
    return destination_at(private_folder / "pki")


# --- by the record


def test_a_leaf_that_was_deployed_without_a_server_is_activated_by_the_next_run_that_can(
    destination: Destination,
) -> None:
    leaf = make_leaf()
    deploy_leaf(destination, leaf)
    assert unserved(destination, leaf, NO_SERVER) == ()
    assert unserved(destination, leaf, RELOAD) == ("generation 1 was not activated",)
    result = deploy(destination, [repair(1)], RELOAD)
    assert (result.changed, result.activation.reloaded) == (True, True)
    assert unserved(destination, leaf, RELOAD) == ()


def test_what_was_last_activated_is_remembered(destination: Destination) -> None:
    """The names change by a run whose variable for the activation is misspelt; then it is corrected."""
    deploy(destination, [delivery(make_leaf())], RELOAD)
    second = make_leaf()
    deploy_leaf(destination, second, expected=1)
    assert unserved(destination, second, RELOAD) == ("generation 2 was not activated, but generation 1",)
    deploy(destination, [repair(2)], RELOAD)
    assert unserved(destination, second, RELOAD) == ()
    record = Path(destination.folder("app"), RECORD)
    assert record.stat().st_mode & 0o777 == 0o600


def test_a_new_staple_has_to_be_activated_too(destination: Destination) -> None:
    leaf = make_leaf()
    deploy(destination, [delivery(leaf)], RELOAD)
    wanted = replace(delivery(leaf, 1), staple=renewed_staple(leaf))
    deploy(destination, [wanted], NO_SERVER)
    assert unserved(destination, leaf, RELOAD) == ("generation 2 was not activated, but generation 1",)


def test_another_command_or_server_has_not_activated_it_yet(destination: Destination) -> None:
    leaf = make_leaf()
    deploy(destination, [delivery(leaf)], RELOAD)
    another = Activation(reload=("sh", "-c", "true # of whom nobody else is to know"))
    expected = ("generation 1 was not activated by this task's command",)
    assert unserved(destination, leaf, another) == expected
    deploy(destination, [repair(1)], another)
    assert unserved(destination, leaf, another) == unserved(destination, leaf, RELOAD) == ()
    assert "nobody" not in Path(destination.folder("app"), RECORD).read_text()
    other = replace(destination, server="none")
    deploy(other, [repair(1)], NO_SERVER)
    assert unserved(other, leaf, RELOAD) == expected


def test_the_ways_of_activation_that_are_remembered_are_limited(destination: Destination) -> None:
    leaf = make_leaf()
    deploy(destination, [delivery(leaf)], RELOAD)
    for number in range(16):
        deploy(destination, [repair(1)], Activation(reload=("true", str(number))))
    assert unserved(destination, leaf, Activation(reload=("true", "0"))) == ()
    assert unserved(destination, leaf, RELOAD) != ()


@pytest.mark.parametrize(
    "content", ["", "null", "[]", "{}", '{"a": 5}', '{"a": [1, 2]}', '{"a": [1, [[]]]}', "\0", "[" * 200_000]
)
def test_a_damaged_record_is_as_good_as_none(destination: Destination, content: str) -> None:
    leaf = make_leaf()
    deploy(destination, [delivery(leaf)], RELOAD)
    record = Path(destination.folder("app"), RECORD)
    record.write_text(content)
    assert unserved(destination, leaf, RELOAD) == ("generation 1 was not activated",)
    deploy(destination, [repair(1)], RELOAD)
    assert unserved(destination, leaf, RELOAD) == ()


def test_whatever_is_in_the_place_of_the_record_gives_way(destination: Destination) -> None:
    leaf = make_leaf()
    deploy_leaf(destination, leaf)
    record = Path(destination.folder("app"), RECORD)
    for make in (lambda: (record.mkdir(), (record / "file").touch()), lambda: record.symlink_to("v1")):
        make()
        assert unserved(destination, leaf, RELOAD) == ("generation 1 was not activated",)
        deploy(destination, [repair(1)], RELOAD)
        assert unserved(destination, leaf, RELOAD) == ()
        record.unlink()


def test_an_activation_that_fails_is_still_pending(destination: Destination) -> None:
    leaf = make_leaf()
    deploy_leaf(destination, leaf)
    before = tree(Path(destination.path))
    with pytest.raises(HostError, match=r"activate.reload: false failed"):
        deploy(destination, [repair(1)], Activation(reload=("false",)))
    with pytest.raises(HostError, match=r"activate.test: false failed"):
        deploy(destination, [repair(1)], Activation(test=("false",), reload=("true",)))
    found = inspect(destination, leaf, RELOAD).certificates[0]
    assert (found.drift, found.unserved) == (("the activation of generation 1 did not complete",), ())
    assert {path: entry for path, entry in tree(Path(destination.path)).items() if "activation" not in path} == before


def test_a_record_that_a_killed_run_staged_is_never_taken_for_true(destination: Destination) -> None:
    leaf = make_leaf()
    deploy(destination, [delivery(leaf)], RELOAD)
    folder = Path(destination.folder("app"))
    second = make_leaf()
    (folder / RECORD).rename(folder / STAGED_RECORD)
    deploy_leaf(destination, second, expected=1)
    assert unserved(destination, second, RELOAD) == ("generation 2 was not activated",)
    assert not (folder / STAGED_RECORD).exists()


# --- by probes


@needs_nginx
def test_a_server_that_serves_what_is_deployed_is_left_alone(nginx: Nginx, first: Leaf) -> None:
    """Nothing has activated it, and it is served: that is proof enough."""
    found = inspect(nginx.destination, first, nginx.activation)
    assert found.certificates[0].unserved == ()
    assert found.activation.probes == (ProbeFinding("app", "127.0.0.1", nginx.port, "served", "served", ""),)
    assert (found.activation.tested, found.activation.reloaded) == (False, False)


@needs_nginx
def test_a_server_that_serves_another_leaf_or_staple_is_activated_again(nginx: Nginx, first: Leaf) -> None:
    place = f"127.0.0.1 port {nginx.port} does not serve the deployed leaf"
    staple = replace(delivery(first, 1), staple=renewed_staple(first))
    deploy(nginx.destination, [staple], NO_SERVER)
    assert unserved(nginx.destination, first, nginx.activation) == (f"{place}: it serves another staple",)
    leaf = make_leaf()
    deploy(nginx.destination, [delivery(leaf, 2)], NO_SERVER)
    found = inspect(nginx.destination, leaf, nginx.activation)
    assert found.certificates[0].unserved == (f"{place}: it serves another leaf (SHA-256 {first.sha256})",)
    assert found.activation.probes == ()
    deploy(nginx.destination, [repair(3)], nginx.activation)
    wait_until_served(nginx, leaf)


@needs_nginx
def test_a_server_that_was_set_back_behind_our_back_is_activated_again(nginx: Nginx, first: Leaf) -> None:
    """Its record says that the deployed leaf was activated, and it was; now something else is served."""
    leaf = make_leaf()
    deploy(nginx.destination, [delivery(leaf, 1)], nginx.activation)
    configuration = nginx.folder / "nginx.conf"
    text = configuration.read_text()
    former = nginx.destination.generation("app", 1)
    by_hand = f'ssl_certificate "{former}/fullchain.pem"; ssl_certificate_key "{former}/privkey.pem";'
    include = f'include "{nginx.folder}/pki/app/nginx.conf";'
    configuration.write_text(text.replace(include, by_hand))
    subprocess.run(nginx.activation.reload, check=True)
    deadline, seen = time.monotonic() + 20, 0
    while seen < 10:  # in a row: a worker of before may still answer for a moment
        assert time.monotonic() < deadline
        seen = seen + 1 if unserved(nginx.destination, leaf, nginx.activation) else 0
        time.sleep(0.05)
    with pytest.raises(HostError) as caught:
        deploy(nginx.destination, [repair(2)], replace(nginx.activation, timeout=1))
    assert f"Does the configuration of what listens there include {nginx.folder}/pki/app/nginx.conf?" in str(
        caught.value
    )
    configuration.write_text(text)
    deploy(nginx.destination, [repair(2)], nginx.activation)
    wait_until_served(nginx, leaf)


def test_each_place_where_nothing_answers_is_a_reason(destination: Destination) -> None:
    leaf = make_leaf()
    deploy(destination, [delivery(leaf)], RELOAD)
    probes = tuple(Probe("app", "127.0.0.1", free_port(), name) for name in ("a.test", "b.test", "c.test"))
    reasons = unserved(destination, leaf, replace(RELOAD, probes=probes))
    places = [f"127.0.0.1 port {probe.port} does not serve the deployed leaf: no TLS handshake: " for probe in probes]
    assert [reason.startswith(place) for reason, place in zip(reasons, places, strict=True)] == [True] * 3


def test_a_look_waits_two_seconds_at_most_for_all_servers_that_hang(
    destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that takes connections and says nothing, and a name that nobody resolves in time."""
    leaf = make_leaf()
    deploy(destination, [delivery(leaf)], RELOAD)
    connect, ended = socket.create_connection, threading.Event()

    def connect_late(address: tuple[str, int], timeout: float) -> socket.socket:
        if address[0] == "late.test":
            ended.wait(60)
        return connect(address, timeout)

    monkeypatch.setattr(socket, "create_connection", connect_late)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        silent = tuple(Probe("app", "127.0.0.1", port, f"{name}.test") for name in "abcde")
        started = time.monotonic()
        reasons = unserved(destination, leaf, replace(RELOAD, probes=(*silent, Probe("app", "late.test"))))
        assert time.monotonic() - started < 30  # and not the time of one after the other, or of what never ends
    ended.set()
    place = f"127.0.0.1 port {port} does not serve the deployed leaf: no TLS handshake: "
    assert [reason.startswith(place) and reason.endswith("timed out") for reason in reasons[:5]] == [True] * 5
    assert reasons[5:] == ("late.test port 443 does not serve the deployed leaf: no answer within 2 seconds",)


@needs_nginx
def test_more_places_than_are_looked_at_at_once_are_all_looked_at(nginx: Nginx, first: Leaf) -> None:
    (probe,) = nginx.activation.probes
    probes = tuple(replace(probe, server_name=f"{number}.test") for number in range(20))
    found = inspect(nginx.destination, first, replace(nginx.activation, probes=probes))
    assert found.certificates[0].unserved == ()
    assert [finding.leaf for finding in found.activation.probes] == ["served"] * 20


def test_nothing_is_probed_of_a_leaf_that_will_not_stay(destination: Destination) -> None:
    deploy(destination, [delivery(make_leaf())], RELOAD)
    probed = replace(RELOAD, probes=(Probe("app", "127.0.0.1", free_port(), "app.test"),))
    assert unserved(destination, make_leaf(), probed) == ()


def test_a_server_that_includes_no_pointer_file_is_a_question_to_the_reader(destination: Destination) -> None:
    probed = Activation(reload=("true",), timeout=1, probes=(Probe("app", "127.0.0.1", free_port(), "app.test"),))
    questions = {
        "nginx": f"Does the configuration of what listens there include {destination.path}/app/nginx.conf?",
        "none": f"Does what listens there read its files from {destination.path}/app/current?",
    }
    for server, question in questions.items():
        with pytest.raises(HostError) as caught:
            deploy(replace(destination, server=server), [delivery(make_leaf())], probed)
        assert question in str(caught.value)
