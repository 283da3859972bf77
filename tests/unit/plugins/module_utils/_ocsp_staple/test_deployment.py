# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Staples of certificates that are not ours: deployed with the certificate that they are for, whoever renews that."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.inspection import find_certificate
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.messages import NOTE
from ansible_collections.anchorage.pki.tests.unit.interruptions import killed_at
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    Leaf,
    deploy_leaf,
    destination_at,
    make_leaf,
    renewed_staple,
    tree,
)
from ansible_collections.anchorage.pki.tests.unit.scratch_staples import StapleHost, served_files
from ansible_collections.anchorage.pki.tests.unit.scratch_systemd import linked, noted

_FAR_AWAY = '{"certificate": "/etc/app.pem", "failures": 1, "failure": "", "next_attempt": 1000000000000}'


def test_a_staple_is_a_generation_of_its_own(host: StapleHost, leaf: Leaf) -> None:
    before = tree(host.certbot.folder / "live")
    deployment = host.staple(host.order(leaf))
    assert deployment.changed
    (answer,) = deployment.certificates
    assert (answer.generation, answer.leaf_sha256, answer.staple_sha256, answer.replaced) == (
        1,
        leaf.sha256,
        leaf.staple_sha256,
        False,
    )
    assert {path.name for path in (host.folder / "v1").iterdir()} == {"cert.pem", "staple.der"}
    assert (host.folder / "v1" / "staple.der").stat().st_mode & 0o777 == 0o644
    assert linked(host.folder) == "v1"
    text, staple = served_files(host.folder)
    assert staple == leaf.staple
    assert "ssl_certificate" not in text
    assert "anchorage.pki.ocsp_staple" in text
    assert tree(host.certbot.folder / "live") == before
    seen = host.see()
    assert (seen.drift, seen.damage, seen.unserved, seen.problem) == ((), "", (), "")
    assert (seen.certificate, seen.chain, seen.staple) == (leaf.certificate, leaf.chain, leaf.staple)
    assert (seen.generation, seen.leaf_sha256) == (1, leaf.sha256)


def test_without_a_staple_there_is_a_pointer_that_says_nothing(host: StapleHost, leaf: Leaf) -> None:
    """So that a configuration that includes it is one."""
    host.staple(host.order(leaf, staple=b"", failures=1, failure="no answer", next_attempt=77))
    text, staple = served_files(host.folder)
    assert staple == b""
    assert [line for line in text.splitlines() if not line.startswith("#")] == []
    seen = host.see()
    assert (seen.generation, seen.staple, seen.drift) == (1, b"", ())
    assert (seen.failures, seen.failure, seen.next_attempt) == (1, "no answer", 77)


def test_a_new_staple_takes_the_place_of_the_former_one(host: StapleHost, leaf: Leaf) -> None:
    host.staple(host.order(leaf, failures=2))
    newer = renewed_staple(leaf)
    assert host.staple(host.order(leaf, 1, staple=newer)).certificates[0].generation == 2
    assert served_files(host.folder)[1] == newer
    assert host.see().failures == 0


def test_what_came_of_attempts_is_noted_without_a_change(host: StapleHost, leaf: Leaf) -> None:
    host.staple(host.order(leaf))
    before = tree(host.folder / "v1")
    deployment = host.staple(host.order(leaf, 1, action=NOTE, staple=b"", failures=3, failure="why", next_attempt=9))
    assert not deployment.changed
    assert deployment.certificates[0].generation == 1
    seen = host.see()
    assert (seen.failures, seen.failure, seen.next_attempt, seen.staple) == (3, "why", 9, leaf.staple)
    assert tree(host.folder / "v1") == before


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: (folder / "nginx.conf").write_text("# mine"), "nginx.conf was changed"),
        (lambda folder: (folder / "nginx.conf").unlink(), "nginx.conf is missing"),
        (lambda folder: (folder / "current").unlink(), "current names nothing, not v1"),
        (lambda folder: (folder / "v1" / "staple.der").chmod(0o600), "staple.der has mode 0600"),
        (lambda folder: (folder / ".source.json").unlink(), "it is on record for no certificate"),
        (lambda folder: (folder / ".source.json").write_text('{"certificate": []}'), "on record for no certificate"),
        (lambda folder: (folder / ".source.json").write_text(_FAR_AWAY), "on record for no certificate"),
    ],
    ids=["pointer changed", "pointer gone", "link gone", "mode", "record gone", "record damaged", "record senseless"],
)
def test_drift_is_told_and_repaired(host: StapleHost, leaf: Leaf, damage: Callable[[Path], object], told: str) -> None:
    host.staple(host.order(leaf))
    damage(host.folder)
    assert any(told in each for each in host.see().drift)
    host.staple(host.repair(leaf))
    assert host.see().drift == ()
    assert served_files(host.folder)[1] == leaf.staple


@pytest.mark.parametrize(
    ("file_name", "content", "told"),
    [
        ("cert.pem", b"", "cert.pem is not a certificate"),
        ("staple.der", b"0\x05", "staple.der is truncated or not DER"),
        ("cert.pem", None, "cert.pem is missing"),
    ],
)
def test_damage_is_told(host: StapleHost, leaf: Leaf, file_name: str, content: bytes | None, told: str) -> None:
    host.staple(host.order(leaf))
    path = host.folder / "v1" / file_name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert told in host.see().damage
    assert host.see().staple == b""


def test_a_certificate_renewed_after_the_look_gets_no_older_staple(host: StapleHost, leaf: Leaf) -> None:
    order = host.order(leaf)
    newer = make_leaf()
    host.certbot.renew(newer)
    (answer,) = host.staple(order).certificates
    assert (answer.replaced, answer.staple_sha256, answer.leaf_sha256) == (True, "", newer.sha256)
    assert served_files(host.folder)[1] == b""


def test_a_certificate_renewed_while_the_server_is_reloaded_keeps_no_older_staple(host: StapleHost, leaf: Leaf) -> None:
    newer = make_leaf()
    elsewhere = host.root / "newer.pem"
    elsewhere.write_text(newer.certificate)
    renewal = shlex.join(["ln", "-sf", str(elsewhere), host.paths["app"]])
    host.activation = Activation(reload=("sh", "-c", f"echo reloaded >> {host.root}/notes; {renewal}"))
    (answer,) = host.staple(host.order(leaf)).certificates
    assert (answer.replaced, answer.staple_sha256, answer.leaf_sha256) == (True, "", newer.sha256)
    assert served_files(host.folder)[1] == b""
    assert noted(host.root) == ["reloaded", "reloaded"]


def test_a_repair_brings_no_older_staple_back(host: StapleHost, leaf: Leaf) -> None:
    host.staple(host.order(leaf))
    (host.folder / "nginx.conf").unlink()
    newer = make_leaf()
    host.certbot.renew(newer)
    (answer,) = host.staple(host.repair(leaf)).certificates
    assert (answer.replaced, answer.leaf_sha256, answer.generation) == (True, newer.sha256, 2)
    assert served_files(host.folder)[1] == b""


def test_a_repair_without_a_staple_is_no_replaced_certificate(host: StapleHost, leaf: Leaf) -> None:
    """Nothing is deployed anew for the next one of an authority without a responder, and there is nothing to say."""
    host.staple(host.order(leaf, staple=b""))
    (host.folder / "nginx.conf").unlink()
    newer = make_leaf()
    host.certbot.renew(newer)
    (answer,) = host.staple(host.repair(newer)).certificates
    assert (answer.replaced, answer.generation, answer.staple_sha256) == (False, 1, "")
    assert host.see().drift == ()


def test_a_failed_test_of_the_configuration_changes_nothing(host: StapleHost, leaf: Leaf) -> None:
    host.staple(host.order(leaf))
    before = tree(host.folder)
    host.activation = Activation(test=("false",), reload=("true",))
    with pytest.raises(HostError, match="Rolled back"):
        host.staple(host.order(leaf, 1, staple=renewed_staple(leaf)))
    assert tree(host.folder) == before


def test_a_failed_first_deployment_leaves_nothing(haproxy: StapleHost, leaf: Leaf) -> None:
    for folder in ("etc", "lib"):
        (haproxy.root / folder).mkdir()
    haproxy.activation = Activation(test=("false",), reload=("true",))
    before = tree(haproxy.root)
    with pytest.raises(HostError, match="Rolled back"):
        haproxy.staple(haproxy.order(leaf))
    haproxy.calls()
    assert tree(haproxy.root) == before


def test_a_staple_that_is_cut_short_is_refused(host: StapleHost, leaf: Leaf) -> None:
    with pytest.raises(HostError, match="app: the staple is truncated or not DER"):
        host.staple(host.order(leaf, staple=leaf.staple[:-1]))
    assert not host.folder.exists()


def test_a_rollback_goes_back_to_no_staple_of_another_certificate(host: StapleHost, leaf: Leaf) -> None:
    host.staple(host.order(leaf))
    newer = make_leaf()
    host.certbot.renew(newer)
    host.activation = Activation(test=("false",), reload=("true",))
    with pytest.raises(HostError, match="Rolled back"):
        host.staple(host.order(newer, 1))
    assert served_files(host.folder)[1] == b""
    assert not (host.folder / "current" / "staple.der").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        (b"", "has no certificate in PEM"),
        (b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "damaged certificate"),
        (b"-----BEGIN CERTIFICATE-----\nMAMC\n-----END CERTIFICATE-----\n", "truncated or not DER"),
    ],
)
def test_what_is_no_certificate_is_told(host: StapleHost, leaf: Leaf, content: bytes | None, told: str) -> None:
    path = Path(host.paths["app"])
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    seen = host.see()
    assert told in seen.problem
    assert (seen.certificate, seen.chain) == ("", "")
    with pytest.raises(HostError, match=told):
        host.staple(host.order(leaf))


@pytest.mark.parametrize("path", ["app.pem", "/etc/../app.pem", "/etc/app.pem/", "/etc/a\npp.pem"])
def test_a_path_is_absolute(host: StapleHost, path: str) -> None:
    host.paths = {"app": path}
    with pytest.raises(HostError, match="certificate: "):
        host.see()


def test_the_folder_of_a_leaf_is_no_place_for_a_staple(host: StapleHost, leaf: Leaf) -> None:
    """Else its server would have to do without a key, which no run brings back."""
    deploy_leaf(destination_at(host.destination.path), leaf)
    assert host.see().problem == f"{host.folder} has a leaf certificate in it: choose another name or destination"
    host.remove("app")
    assert host.see().problem == ""


def test_an_issuer_may_be_elsewhere(host: StapleHost, leaf: Leaf) -> None:
    alone, issuer = host.root / "cert.pem", host.root / "issuer.pem"
    alone.write_text(f"Bag attributes\n{leaf.private_key}{leaf.certificate}")
    issuer.write_text(leaf.chain)
    assert find_certificate(str(alone), str(issuer)).certificate == leaf.der
    assert len(find_certificate(str(alone), str(issuer)).chain) == 1
    assert find_certificate(str(alone), "").chain == ()
    assert "none.pem cannot be read" in find_certificate(str(alone), str(host.root / "none.pem")).problem


class TestHaproxy:
    """HAProxy looks for a staple beside the certificate."""

    def test_it_has_a_link_there(self, haproxy: StapleHost, leaf: Leaf) -> None:
        haproxy.staple(haproxy.order(leaf))
        link = Path(f"{haproxy.paths['app']}.ocsp")
        assert link.read_bytes() == leaf.staple
        newer = renewed_staple(leaf)
        haproxy.staple(haproxy.order(leaf, 1, staple=newer))
        assert link.read_bytes() == newer
        haproxy.staple(haproxy.order(leaf, 2, staple=b""))
        assert link.is_symlink()
        assert not link.exists()
        assert haproxy.see().drift == ()

    def test_it_gets_its_link_back(self, haproxy: StapleHost, leaf: Leaf) -> None:
        haproxy.staple(haproxy.order(leaf))
        link = Path(f"{haproxy.paths['app']}.ocsp")
        link.unlink()
        assert "is not a link to" in " ".join(haproxy.see().drift)
        assert haproxy.staple(haproxy.repair(leaf)).changed
        assert link.read_bytes() == leaf.staple

    def test_nobody_elses_file_is_replaced(self, haproxy: StapleHost, leaf: Leaf) -> None:
        Path(f"{haproxy.paths['app']}.ocsp").write_bytes(b"mine")
        assert "is there already, and is no link to a staple" in haproxy.see().problem  # so does check mode know
        with pytest.raises(HostError, match="is there already, and is no link to a staple"):
            haproxy.staple(haproxy.order(leaf))
        assert Path(f"{haproxy.paths['app']}.ocsp").read_bytes() == b"mine"
        assert not haproxy.folder.exists()

    def test_nothing_is_written_into_live(self, haproxy: StapleHost, leaf: Leaf) -> None:
        haproxy.certbot.renew(leaf)
        haproxy.paths = {"app": str(haproxy.certbot.certificate())}
        before = tree(haproxy.certbot.folder)
        assert "belongs to an ACME client" in haproxy.see().problem
        with pytest.raises(HostError, match="belongs to an ACME client"):
            haproxy.staple(haproxy.order(leaf))
        assert tree(haproxy.certbot.folder) == before

    def test_a_certificate_has_one_staple(self, haproxy: StapleHost, leaf: Leaf) -> None:
        haproxy.staple(haproxy.order(leaf))
        haproxy.paths["shop"] = haproxy.paths["app"]
        assert (haproxy.see().problem, "a certificate has one staple" in haproxy.see("shop").problem) == ("", True)
        with pytest.raises(HostError, match=r"leads to the staple in .*/staples/app, .*state: absent, name: app"):
            haproxy.staple(haproxy.order(leaf, name="shop"))
        haproxy.remove("app")
        haproxy.staple(haproxy.order(leaf, name="shop"))
        assert Path(f"{haproxy.paths['app']}.ocsp").read_bytes() == leaf.staple

    def test_a_link_to_a_folder_that_is_gone_is_in_nobodys_way(self, haproxy: StapleHost, leaf: Leaf) -> None:
        link = Path(f"{haproxy.paths['app']}.ocsp")
        link.symlink_to("/etc/pki/former/app/current/staple.der")
        haproxy.staple(haproxy.order(leaf))
        assert link.read_bytes() == leaf.staple

    def test_another_server_needs_no_link(self, haproxy: StapleHost, leaf: Leaf) -> None:
        haproxy.staple(haproxy.order(leaf))
        haproxy.server = "nginx"
        assert "app.pem.ocsp is left over from another choice of server" in " ".join(haproxy.see().drift)
        haproxy.staple(haproxy.repair(leaf))
        assert haproxy.see().drift == ()
        assert not Path(f"{haproxy.paths['app']}.ocsp").is_symlink()

    def test_a_certificate_elsewhere_takes_the_link_along(self, haproxy: StapleHost, leaf: Leaf) -> None:
        haproxy.staple(haproxy.order(leaf))
        former = Path(haproxy.paths["app"])
        latter = former.with_name("moved.pem")
        former.rename(latter)
        haproxy.paths = {"app": str(latter)}
        assert haproxy.see().drift != ()
        haproxy.staple(haproxy.repair(leaf))
        assert haproxy.see().drift == ()
        assert Path(f"{latter}.ocsp").read_bytes() == leaf.staple
        assert not Path(f"{former}.ocsp").is_symlink()


def test_removal_leaves_nothing(haproxy: StapleHost, leaf: Leaf) -> None:
    for folder in ("etc", "lib"):
        (haproxy.root / folder).mkdir()
    before = tree(haproxy.root)
    haproxy.staple(haproxy.order(leaf))
    deployed = tree(haproxy.root)
    assert haproxy.remove("app", check_mode=True).changed
    assert tree(haproxy.root) == deployed
    removal = haproxy.remove("app")
    assert (removal.changed, removal.certificates[0].removed) == (True, True)
    haproxy.calls()
    assert tree(haproxy.root) == before
    assert not haproxy.remove("app").changed


@pytest.mark.parametrize("renewed_again", [False, True])
def test_killed_at_any_call_no_staple_is_beside_another_certificate(
    host: StapleHost, monkeypatch: pytest.MonkeyPatch, renewed_again: bool
) -> None:
    """And the next run completes the work."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    host.activation = Activation(reload=("true",))
    generation, call_number = 0, 0
    for call_number in range(1, 1000):
        leaf = make_leaf()
        host.certbot.renew(leaf)
        assert host.renewed(time.time()) == 0
        order = host.order(leaf, generation)
        if not killed_at(call_number, lambda order=order: host.staple(order)):
            break
        if renewed_again:
            # What a renewal runs has no use for a journal, and brings no older staple back.
            leaf = make_leaf()
            host.certbot.renew(leaf)
            assert host.renewed(time.time()) == 0
            if (host.folder / "nginx.conf").exists():
                assert served_files(host.folder)[1] == b""
        seen = host.see()
        assert seen.damage == ""
        if (host.folder / "nginx.conf").exists():
            assert served_files(host.folder)[1] in (b"", leaf.staple)
        generation = host.staple(host.order(leaf, seen.generation)).certificates[0].generation
        assert (host.see().drift, host.see().staple) == ((), leaf.staple)
        generations = {f"v{number}{kind}" for number in (generation, generation - 1) for kind in ("", "-unstapled")}
        others = {path.name for path in host.folder.iterdir()} - generations
        assert others == {".activated.json", ".source.json", "current", "nginx.conf"}
    assert call_number > 30
