# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Activations of real commands and small servers, and the way back where they fail."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    Activation,
    Probe,
    ProbeFinding,
)
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    NO_SERVER,
    delivery,
    deploy_leaf,
    destination_at,
    free_port,
    inspected,
    make_leaf,
    tcp_server,
    tls_server,
    tree,
)


def is_running(pid: int) -> bool:
    """Whether the process lives: one that nobody has waited for yet does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return not state.startswith("Z") and bool(state.strip())


def test_a_failed_test_is_rolled_back_without_a_reload(private_folder: Path) -> None:
    destination = destination_at(private_folder / "pki")
    deploy_leaf(destination, make_leaf())
    before = tree(private_folder / "pki")
    reloads = private_folder / "reloads"
    activation = Activation(test=("sh", "-c", "echo broken >&2; exit 3"), reload=("touch", str(reloads)))
    with pytest.raises(HostError) as caught:
        deploy(destination, [delivery(make_leaf(), 1)], activation)
    assert str(caught.value) == (
        "activate.test: sh -c echo broken >&2; exit 3 failed with exit code 3. Its output: broken. "
        "Rolled back: app is at generation 1 as before."
    )
    assert tree(private_folder / "pki") == before
    assert not reloads.exists()


def test_a_first_deployment_is_rolled_back_to_nothing(private_folder: Path) -> None:
    with pytest.raises(HostError, match="Rolled back: app is at no generation as before"):
        deploy(destination_at(private_folder), [delivery(make_leaf())], Activation(test=("false",)))
    assert tree(private_folder) == {}


@pytest.mark.parametrize(
    "activation", [Activation(test=("false",)), Activation(reload=("false",))], ids=["test", "reload"]
)
def test_a_failed_first_deployment_leaves_no_folder_behind(private_folder: Path, activation: Activation) -> None:
    with pytest.raises(HostError, match="Rolled back"):
        deploy(destination_at(private_folder / "etc" / "pki"), [delivery(make_leaf())], activation)
    assert list(private_folder.iterdir()) == []


def test_what_cannot_be_staged_leaves_no_folder_behind(private_folder: Path) -> None:
    bad = replace(delivery(make_leaf()), private_key="nonsense")
    with pytest.raises(HostError, match="Nothing was changed"):
        deploy(destination_at(private_folder / "etc" / "pki"), [bad], NO_SERVER)
    assert list(private_folder.iterdir()) == []


def test_a_failed_deployment_leaves_a_folder_that_was_there(private_folder: Path) -> None:
    (private_folder / "pki").mkdir()
    with pytest.raises(HostError, match="Rolled back"):
        deploy(destination_at(private_folder / "pki"), [delivery(make_leaf())], Activation(test=("false",)))
    assert tree(private_folder) == {"pki": ("0o40755", None)}


def test_several_leaves_are_rolled_back_together(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    deploy_leaf(destination, make_leaf())
    before = tree(private_folder)
    requests = [delivery(make_leaf("new.test"), name="new"), delivery(make_leaf(), 1)]
    with pytest.raises(HostError, match="new is at no generation as before, app is at generation 1 as before"):
        deploy(destination, requests, Activation(test=("false",)))
    assert tree(private_folder) == before


def test_a_failed_reload_is_tried_again_with_the_former_generation(private_folder: Path) -> None:
    """The reload notes which generation it would have read, and fails for the second one."""
    destination = destination_at(private_folder / "pki")
    deploy_leaf(destination, make_leaf())
    script = f"readlink {private_folder}/pki/app/current | tee -a {private_folder}/log | grep -qx v1"
    with pytest.raises(HostError, match=r"activate\.reload: .* failed with exit code 1\. Rolled back"):
        deploy(destination, [delivery(make_leaf(), 1)], Activation(reload=("sh", "-c", script)))
    assert (private_folder / "log").read_text() == "v2\nv1\n"


def test_a_hanging_reload_is_ended_with_all_its_children(private_folder: Path) -> None:
    destination = destination_at(private_folder / "pki")
    deploy_leaf(destination, make_leaf())
    before = tree(private_folder / "pki")
    pids = private_folder / "pids"
    script = f"sleep 600 & echo $! >> {pids}; wait"
    with pytest.raises(HostError) as caught:
        deploy(destination, [delivery(make_leaf(), 1)], Activation(reload=("sh", "-c", script), timeout=0.5))
    assert "was stopped: the time limit of 0.5 seconds was reached" in str(caught.value)
    assert "Reloading after that failed too, so what is served now is not known" in str(caught.value)
    after = tree(private_folder / "pki")
    # What is served is in doubt: the journal stays, so that the next run sees that there is work left.
    assert after.pop(".activation-app.json")
    assert after == before
    assert inspected(destination).drift == ("the activation of generation 2 did not complete",)
    for pid in pids.read_text().split():
        assert not is_running(int(pid))


def test_a_probe_sees_the_new_leaf(private_folder: Path) -> None:
    destination, leaf = destination_at(private_folder), make_leaf()
    with tls_server(lambda: private_folder / "app/current/combined.pem") as port:
        probe = Probe("app", "127.0.0.1", port, "app.test", staple=False)
        result = deploy(destination, [delivery(leaf)], Activation(probes=(probe,)))
    assert result.activation.probes == (ProbeFinding("app", "127.0.0.1", port, "served", "not expected", ""),)


def test_a_server_that_keeps_the_former_leaf_is_a_failure(private_folder: Path) -> None:
    destination, former, new = destination_at(private_folder), make_leaf(), make_leaf()
    deploy_leaf(destination, former)
    with tls_server(lambda: private_folder / "app/v1/combined.pem") as port:
        probe = Probe("app", "127.0.0.1", port, "app.test", staple=False)
        with pytest.raises(HostError) as caught:
            deploy(destination, [delivery(new, 1)], Activation(reload=("true",), timeout=0.5, probes=(probe,)))
    assert f"127.0.0.1 port {port} does not serve app: it serves another leaf (SHA-256 {former.sha256})" in str(
        caught.value
    )
    assert str(caught.value).endswith(
        "Rolled back: app is at generation 1 as before. The former leaf is served, as a probe confirmed."
    )


def test_a_hanging_probe_is_rolled_back(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    deploy_leaf(destination, make_leaf())
    with tcp_server(lambda connection: connection.recv(100_000) and connection.recv(1) and None) as port:
        probe = Probe("app", "127.0.0.1", port, "app.test", staple=True)
        with pytest.raises(HostError) as caught:
            deploy(destination, [delivery(make_leaf(), 1)], Activation(timeout=0.3, probes=(probe,)))
    assert "no TLS handshake" in str(caught.value)
    assert "Could not confirm that the former leaf is served again" in str(caught.value)
    assert os.readlink(private_folder / "app/current") == "v1"


def test_probes_of_leaves_that_are_not_deployed_are_left_out(private_folder: Path) -> None:
    probe = Probe("other", "127.0.0.1", free_port(), "other.test", staple=True)
    result = deploy(destination_at(private_folder), [delivery(make_leaf())], Activation(timeout=0.2, probes=(probe,)))
    assert result.activation.probes == ()
