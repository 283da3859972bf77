# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deployments as one transaction, with real certificates and real commands."""

from __future__ import annotations

import errno
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf import generations
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import (
    STAPLE_ONLY,
    Activation,
    ActivationOutcome,
    Delivery,
    DeployedGeneration,
    Deployment,
    Probe,
    ProbeFinding,
)
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    NO_SERVER,
    bundle,
    delivery,
    deploy_leaf,
    destination_at,
    free_port,
    inspected,
    make_leaf,
    renewed_staple,
    repair,
    rsa_key,
    tcp_server,
    tls_server,
    tree,
)


def is_running(pid: int) -> bool:
    """Whether the process lives: one that nobody has waited for yet does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return not state.startswith("Z") and bool(state.strip())


def test_a_first_deployment_is_complete(private_folder: Path) -> None:
    destination, leaf = destination_at(private_folder / "pki"), make_leaf()
    result = deploy(destination, [delivery(leaf)], NO_SERVER)
    assert result == Deployment(
        changed=True,
        certificates=(DeployedGeneration("app", 1, leaf.sha256, leaf.staple_sha256),),
        activation=ActivationOutcome(tested=False, reloaded=False, probes=()),
        notices=(),
    )
    folder = private_folder / "pki" / "app"
    chained = (leaf.certificate + leaf.chain).encode()
    generation = {
        "privkey.pem": ("0o100600", leaf.private_key.encode()),
        "cert.pem": ("0o100644", leaf.certificate.encode()),
        "chain.pem": ("0o100644", leaf.chain.encode()),
        "fullchain.pem": ("0o100644", chained),
        "combined.pem": ("0o100600", chained + leaf.private_key.encode()),
        "staple.der": ("0o100644", leaf.staple),
        "combined.pem.ocsp": ("0o100644", leaf.staple),
    }
    pointer = (folder / "nginx.conf").read_bytes()
    assert tree(private_folder / "pki") == {
        "app": ("0o40755", None),
        "app/current": ("0o120777", Path("v1")),
        "app/nginx.conf": ("0o100644", pointer),
        "app/v1": ("0o40755", None),
        **{f"app/v1/{name}": facts for name, facts in generation.items()},
    }
    assert (folder / "v1/staple.der").samefile(folder / "v1/combined.pem.ocsp")
    assert pointer.decode().splitlines()[1:] == [
        f'ssl_certificate "{folder}/v1/fullchain.pem";',
        f'ssl_certificate_key "{folder}/v1/privkey.pem";',
        "ssl_stapling on;",
        f'ssl_stapling_file "{folder}/v1/staple.der";',
    ]


def test_a_second_deployment_keeps_the_former_generation_and_no_more(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    for former in range(4):
        deploy_leaf(destination, make_leaf(), former)
    folder = private_folder / "app"
    assert sorted(path.name for path in folder.iterdir()) == ["current", "nginx.conf", "v3", "v4"]
    assert os.readlink(folder / "current") == "v4"
    assert inspected(destination).generation == 4


def test_one_generation_that_cannot_be_removed_keeps_no_other(
    private_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination = destination_at(private_folder)
    for former in range(2):
        deploy_leaf(destination, make_leaf(), former)
    for number in (3, 4):
        (private_folder / "app" / f"v{number}").mkdir()
    remove = generations.remove

    def refuse_the_first(parent: int, name: str) -> None:
        if name == "v1":
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), name)
        remove(parent, name)

    monkeypatch.setattr(generations, "remove", refuse_the_first)
    (warning,) = deploy(destination, [delivery(make_leaf(), 2)], NO_SERVER).notices
    assert warning.startswith("An old generation could not be removed: ")
    assert sorted(path.name for path in (private_folder / "app").glob("v*")) == ["v1", "v4", "v5"]


def test_a_staple_is_renewed_with_the_same_leaf_and_bundle(private_folder: Path) -> None:
    destination, leaf = destination_at(private_folder), make_leaf()
    pfx = bundle(leaf)
    deploy(destination, [replace(delivery(leaf), pkcs12=pfx)], NO_SERVER)
    staple = renewed_staple(leaf)
    deploy(destination, [Delivery("app", STAPLE_ONLY, 1, staple=staple)], NO_SERVER)
    before, after = private_folder / "app/v1", private_folder / "app/v2"
    for name in ("privkey.pem", "cert.pem", "chain.pem", "fullchain.pem", "combined.pem", "bundle.p12"):
        assert (after / name).read_bytes() == (before / name).read_bytes()
        assert not (after / name).samefile(before / name)
    assert (after / "staple.der").read_bytes() == staple
    assert (before / "staple.der").read_bytes() == leaf.staple
    assert (after / "bundle.p12").stat().st_mode & 0o777 == 0o600


def test_a_staple_can_be_withdrawn(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    deploy_leaf(destination, make_leaf())
    deploy(destination, [Delivery("app", STAPLE_ONLY, 1)], NO_SERVER)
    assert not (private_folder / "app/v2/staple.der").exists()
    assert "stapling" not in (private_folder / "app/nginx.conf").read_text()
    assert inspected(destination).staple_sha256 == ""


def test_without_a_server_there_is_no_pointer_file(private_folder: Path) -> None:
    deploy_leaf(destination_at(private_folder, server="none"), make_leaf())
    assert not (private_folder / "app/nginx.conf").exists()
    assert os.readlink(private_folder / "app/current") == "v1"


def test_the_mode_is_for_files_with_a_key(private_folder: Path) -> None:
    leaf = make_leaf()
    with_bundle = replace(delivery(leaf), pkcs12=bundle(leaf))
    deploy(destination_at(private_folder, mode=0o640), [with_bundle], NO_SERVER)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (private_folder / "app/v1").iterdir()}
    assert {name for name, mode in modes.items() if mode == 0o640} == {"privkey.pem", "combined.pem", "bundle.p12"}
    assert set(modes.values()) == {0o640, 0o644}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expected_generation": 7}, "generation 0 is deployed where 7 was expected: another run deployed"),
        ({"private_key": make_leaf().private_key}, "app: the private key does not fit the certificate"),
        ({"private_key": ""}, "app: the host no longer has a pending private key"),
        ({"private_key": "nonsense"}, "app: the private key does not fit the certificate"),
        ({"certificate": "nonsense"}, "app: certificate is not one PEM certificate"),
        ({"certificate": make_leaf().certificate * 2}, "app: certificate is not one PEM certificate"),
        ({"chain": make_leaf().private_key}, "app: certificate or chain holds a private key"),
        ({"staple": make_leaf().staple[:-1]}, "app: staple is truncated or not DER"),
        ({"pkcs12": b"junk"}, "app: pkcs12 is truncated or not DER"),
        ({"action": "staple"}, "app: there is no undamaged generation to build on"),
        ({"action": "repair"}, "app: there is no undamaged generation to build on"),
    ],
)
def test_what_cannot_be_deployed_changes_nothing(private_folder: Path, change: dict[str, object], message: str) -> None:
    good = replace(delivery(make_leaf("other.test")), name="other")
    bad = replace(delivery(make_leaf()), **change)
    with pytest.raises(HostError) as caught:
        deploy(destination_at(private_folder), [good, bad], NO_SERVER)
    assert message in str(caught.value)
    assert str(caught.value).endswith("Nothing was changed.")
    assert tree(private_folder) == {}


def test_an_ec_certificate_with_an_rsa_key_is_refused(private_folder: Path) -> None:
    """The mismatch that ``nginx -t`` lets pass."""
    mixed = replace(delivery(make_leaf()), private_key=make_leaf(key=rsa_key()).private_key)
    with pytest.raises(HostError, match="the private key does not fit the certificate"):
        deploy(destination_at(private_folder), [mixed], NO_SERVER)


@pytest.mark.parametrize("name", ["", ".hidden", "..", "a/b", "a b", "-a", "a\n", "ä", "a" * 201])
def test_names_that_are_no_folder_names_are_refused(private_folder: Path, name: str) -> None:
    with pytest.raises(HostError, match="name: "):
        deploy(destination_at(private_folder), [delivery(make_leaf(), name=name)], NO_SERVER)
    assert tree(private_folder) == {}


def test_a_name_comes_once(private_folder: Path) -> None:
    with pytest.raises(HostError, match="'app' is given twice"):
        deploy(destination_at(private_folder), [delivery(make_leaf()), delivery(make_leaf())], NO_SERVER)


def test_a_program_that_is_missing_is_found_out_first(private_folder: Path) -> None:
    with pytest.raises(HostError, match=r"activate\.reload: there is no program no-such-program"):
        deploy(destination_at(private_folder), [delivery(make_leaf())], Activation(reload=("no-such-program",)))
    assert tree(private_folder) == {}


# --- Activation and rollback -----------------------------------------------------------------------------------------


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
    assert "That the former leaf is served again could not be confirmed" in str(caught.value)
    assert os.readlink(private_folder / "app/current") == "v1"


def test_probes_of_leaves_that_are_not_deployed_are_left_out(private_folder: Path) -> None:
    probe = Probe("other", "127.0.0.1", free_port(), "other.test", staple=True)
    result = deploy(destination_at(private_folder), [delivery(make_leaf())], Activation(timeout=0.2, probes=(probe,)))
    assert result.activation.probes == ()


# --- Repairs ---------------------------------------------------------------------------------------------------------


def test_a_repair_fixes_what_drifted_and_nothing_else(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    deploy_leaf(destination, make_leaf())
    before = tree(private_folder)
    folder = private_folder / "app"
    (folder / "v1/privkey.pem").chmod(0o644)
    (folder / "v1/combined.pem.ocsp").unlink()
    (folder / "current").unlink()
    (folder / "nginx.conf").write_text("edited")
    assert inspected(destination).drift == (
        f"privkey.pem has mode 0644, user {os.geteuid()}, group {os.getegid()}",
        "combined.pem.ocsp is not a hard link to staple.der",
        "current names nothing, not v1",
        "nginx.conf was changed",
    )
    result = deploy(destination, [repair(1)], NO_SERVER)
    assert result.changed
    assert result.certificates[0].generation == 1
    assert tree(private_folder) == before
    assert inspected(destination).drift == ()


def test_a_repair_of_what_is_undamaged_touches_nothing(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    deploy_leaf(destination, make_leaf())
    times = {path: path.lstat().st_mtime_ns for path in (private_folder / "app").rglob("*")}
    assert not deploy(destination, [repair(1)], NO_SERVER).changed
    assert {path: path.lstat().st_mtime_ns for path in (private_folder / "app").rglob("*")} == times


def test_a_failed_repair_leaves_the_pointers_as_they_were(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    deploy_leaf(destination, make_leaf())
    (private_folder / "app/nginx.conf").write_text("edited")
    (private_folder / "app/current").unlink()
    before = tree(private_folder)
    with pytest.raises(HostError, match="Rolled back: app is at generation 1 as before"):
        deploy(destination, [repair(1)], Activation(test=("false",)))
    assert tree(private_folder) == before


# --- Planted links, foreign folders, full disks ----------------------------------------------------------------------


def test_a_link_in_place_of_the_leafs_folder_is_refused(private_folder: Path) -> None:
    (private_folder / "elsewhere").mkdir()
    (private_folder / "pki").mkdir()
    (private_folder / "pki/app").symlink_to(private_folder / "elsewhere")
    with pytest.raises(HostError, match="pki/app is a symbolic link"):
        deploy(destination_at(private_folder / "pki"), [delivery(make_leaf())], NO_SERVER)
    assert list((private_folder / "elsewhere").iterdir()) == []


def test_a_link_in_place_of_a_generation_is_damage_and_never_written_through(private_folder: Path) -> None:
    destination = destination_at(private_folder / "pki")
    deploy_leaf(destination, make_leaf())
    (private_folder / "pki/app/v1").rename(private_folder / "moved")
    (private_folder / "pki/app/v1").symlink_to(private_folder / "moved")
    before = tree(private_folder / "moved")
    assert "v1 is missing or not a folder" in str(inspected(destination).damage)
    for expected in (1, 2, 3):
        deploy_leaf(destination, make_leaf(), expected)
    assert tree(private_folder / "moved") == before
    assert not (private_folder / "pki/app/v1").is_symlink()


def test_a_link_in_place_of_the_pointer_file_is_replaced_not_followed(private_folder: Path) -> None:
    destination = destination_at(private_folder / "pki")
    deploy_leaf(destination, make_leaf())
    (private_folder / "precious").write_text("precious")
    (private_folder / "pki/app/nginx.conf").unlink()
    (private_folder / "pki/app/nginx.conf").symlink_to(private_folder / "precious")
    assert inspected(destination).drift == ("nginx.conf is missing",)
    deploy(destination, [repair(1)], NO_SERVER)
    assert (private_folder / "precious").read_text() == "precious"
    assert not (private_folder / "pki/app/nginx.conf").is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a folder below another's")
def test_root_refuses_a_destination_below_a_folder_that_others_may_write(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="Other users than root may write in /tmp"):
        deploy(destination_at(tmp_path / "pki"), [delivery(make_leaf())], NO_SERVER)
    assert not (tmp_path / "pki").exists()
