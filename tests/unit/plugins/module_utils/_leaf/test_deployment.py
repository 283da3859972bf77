# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deployments as one transaction, with real certificates and real commands."""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf import generation_changes
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, ActivationOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import (
    STAPLE_ONLY,
    Delivery,
    DeployedGeneration,
    Deployment,
)
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    NO_SERVER,
    bundle,
    delivery,
    deploy_leaf,
    destination_at,
    inspected,
    make_leaf,
    renewed_staple,
    repair,
    rsa_key,
    tree,
)


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
    remove = generation_changes.remove

    def refuse_the_first(parent: int, name: str) -> None:
        if name == "v1":
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), name)
        remove(parent, name)

    monkeypatch.setattr(generation_changes, "remove", refuse_the_first)
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


# Planted links, foreign folders, full disks


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
    with pytest.raises(HostError, match=f"Other users than root may write in {tempfile.gettempdir()}"):
        deploy(destination_at(tmp_path / "pki"), [delivery(make_leaf())], NO_SERVER)
    assert not (tmp_path / "pki").exists()
