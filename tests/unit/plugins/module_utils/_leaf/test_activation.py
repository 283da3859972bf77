# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Activations of a real nginx, which reads its certificates by the pointer file."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    Activation,
    ActivationOutcome,
    Probe,
    ProbeFinding,
)
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import STAPLE_ONLY, Delivery
from ansible_collections.anchorage.pki.plugins.module_utils._tls.errors import ProbeError
from ansible_collections.anchorage.pki.plugins.module_utils._tls.probe import served_leaf
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    NGINX,
    Leaf,
    delivery,
    free_port,
    make_leaf,
    renewed_staple,
    repair,
    tree,
)
from ansible_collections.anchorage.pki.tests.unit.scratch_nginx import SECONDS, Nginx

pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx on this machine")


def test_a_new_leaf_is_tested_reloaded_and_probed(nginx: Nginx) -> None:
    leaf = make_leaf()
    result = deploy(nginx.destination, [delivery(leaf, 1)], nginx.activation)
    assert result.activation == ActivationOutcome(
        tested=True, reloaded=True, probes=(ProbeFinding("app", "127.0.0.1", nginx.port, "served", "served", ""),)
    )
    nginx.wait_for(leaf.der, leaf.staple)


def test_a_new_staple_is_served_with_the_same_leaf(nginx: Nginx, first: Leaf) -> None:
    staple = renewed_staple(first)
    wanted = Delivery("app", STAPLE_ONLY, 1, staple=staple)
    assert deploy(nginx.destination, [wanted], nginx.activation).activation.probes[0].staple == "served"
    nginx.wait_for(first.der, staple)


def test_a_broken_configuration_is_rolled_back(nginx: Nginx, first: Leaf) -> None:
    (nginx.folder / "extra.conf").write_text("no_such_directive on;")
    before = tree(nginx.folder / "pki")
    with pytest.raises(HostError) as caught:
        deploy(nginx.destination, [delivery(make_leaf(), 1)], nginx.activation)
    message = str(caught.value)
    assert "activate.test: " in message
    assert 'unknown directive "no_such_directive"' in message
    assert message.endswith(
        "Rolled back: app is at generation 1 as before. The former leaf is served, as a probe confirmed."
    )
    assert tree(nginx.folder / "pki") == before
    assert nginx.served() == (first.der, first.staple)


def test_a_failing_reload_is_rolled_back(nginx: Nginx, first: Leaf) -> None:
    failing = replace(nginx.activation, reload=("sh", "-c", "echo cannot reload >&2; exit 1"))
    with pytest.raises(HostError) as caught:
        deploy(nginx.destination, [delivery(make_leaf(), 1)], failing)
    assert "Its output: cannot reload. Rolled back: app is at generation 1 as before." in str(caught.value)
    assert "Reloading after that failed too, so what is served now is not known" in str(caught.value)
    assert nginx.served() == (first.der, first.staple)


def test_a_probe_that_never_sees_the_new_leaf_reloads_the_former(nginx: Nginx, first: Leaf) -> None:
    """The reload works, but the probe asks at a place that keeps quiet: the new leaf was served for a moment."""
    unreachable = Probe("app", "127.0.0.1", free_port(), "app.test", staple=True)
    wrong = replace(nginx.activation, timeout=1, probes=(*nginx.activation.probes, unreachable))
    with pytest.raises(HostError, match="refused"):
        deploy(nginx.destination, [delivery(make_leaf(), 1)], wrong)
    nginx.wait_for(first.der, first.staple)


def test_an_activation_that_was_killed_is_repaired(nginx: Nginx, first: Leaf) -> None:
    """The server took the new leaf up, and the run was killed before it was settled: the repair makes it go back."""
    new, child = make_leaf(), os.fork()
    if child == 0:
        kill_after_reload = f"{' '.join(nginx.activation.reload)}; sleep 0.5; kill -9 {os.getpid()}"
        deploy(nginx.destination, [delivery(new, 1)], Activation(reload=("sh", "-c", kill_after_reload)))
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    nginx.wait_for(new.der, new.staple)
    result = deploy(nginx.destination, [repair(1)], nginx.activation)
    assert result.changed
    nginx.wait_for(first.der, first.staple)


def test_no_handshake_fails_while_leaves_are_swapped(nginx: Nginx) -> None:
    stopped, failures, seen = threading.Event(), [], set()

    def shake_hands() -> None:
        while not stopped.is_set():
            try:
                seen.add(served_leaf("127.0.0.1", nginx.port, "app.test", SECONDS))
            except ProbeError as error:
                failures.append(str(error))

    clients = [threading.Thread(target=shake_hands) for dummy in range(2)]
    for client in clients:
        client.start()
    leaves = [make_leaf() for dummy in range(10)]
    try:
        for generation, leaf in enumerate(leaves, 1):
            deploy(nginx.destination, [delivery(leaf, generation)], nginx.activation)
    finally:
        stopped.set()
        for client in clients:
            client.join()
    assert failures == []
    assert len(seen) > 2


def test_a_server_that_keeps_the_former_staple_is_a_failure(nginx: Nginx, first: Leaf) -> None:
    """The leaf is the same, so that only the staple shows it."""
    wanted = Delivery("app", STAPLE_ONLY, 1, staple=renewed_staple(first))
    not_reloading = replace(nginx.activation, reload=("true",), timeout=0.5)
    with pytest.raises(HostError, match="it serves another staple"):
        deploy(nginx.destination, [wanted], not_reloading)
    assert nginx.served() == (first.der, first.staple)
