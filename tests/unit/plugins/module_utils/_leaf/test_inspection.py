# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host finds of its leaves, without changing anything, and the keys that it makes."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.deployment import deploy
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.host_keys import OPENSSL, request_keys
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.inspection import inspect_leaves
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.messages import Activation, DeployedLeaf, Inquiry
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.orders import WantedKey
from ansible_collections.anchorage.pki.tests.unit.leaves import (
    NO_SERVER,
    delivery,
    deploy_leaf,
    destination_at,
    make_leaf,
    sign,
    tree,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs12

ON_CONTROLLER = Inquiry("app")
ON_HOST = Inquiry("app", host_key=True)
MISSING = "/no/such/openssl"
NOTHING = DeployedLeaf(
    name="app",
    generation=0,
    leaf_sha256="",
    chain_sha256="",
    staple_sha256="",
    pkcs12=False,
    damage="",
    drift=(),
)


def inspected(destination: Destination, inquiry: Inquiry = ON_CONTROLLER, openssl: str = OPENSSL) -> DeployedLeaf:
    return inspect_leaves(destination, [inquiry], NO_SERVER, openssl).certificates[0]


def requested(destination: Destination, key_type: str = "ecdsa-p256", openssl: str = OPENSSL) -> str:
    """The certificate request of the pending key of ``app``."""
    (request,) = request_keys(destination, [WantedKey("app", key_type)], openssl).certificates
    assert request.name == "app"
    return request.csr


@pytest.fixture
def deployed(private_folder: Path) -> Destination:
    """A destination with generation 1 of ``app``."""
    destination = destination_at(private_folder)
    deploy_leaf(destination, make_leaf())
    return destination


def test_nothing_is_deployed_and_nothing_is_made(private_folder: Path) -> None:
    assert inspected(destination_at(private_folder / "pki")) == NOTHING
    assert tree(private_folder) == {}


def test_what_is_deployed(private_folder: Path) -> None:
    destination, leaf = destination_at(private_folder), make_leaf()
    deploy_leaf(destination, leaf)
    assert inspected(destination) == replace(
        NOTHING,
        generation=1,
        leaf_sha256=leaf.sha256,
        chain_sha256=hashlib.sha256(leaf.chain.encode()).hexdigest(),
        staple_sha256=leaf.staple_sha256,
    )


def test_an_inspection_starts_no_program(deployed: Destination, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_arguments: object, **_options: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", started)
    assert inspected(deployed).generation == 1


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("privkey.pem", "privkey.pem is missing"),
        ("cert.pem", "cert.pem is missing"),
        ("chain.pem", "chain.pem is missing"),
        ("fullchain.pem", "fullchain.pem is missing"),
        ("combined.pem", "combined.pem is missing"),
    ],
)
def test_a_missing_file_is_damage(deployed: Destination, name: str, damage: str) -> None:
    (Path(deployed.path) / "app/v1" / name).unlink()
    assert inspected(deployed) == replace(NOTHING, generation=1, damage=f"{deployed.path}/app/v1: {damage}")


@pytest.mark.parametrize(
    ("names", "damage"),
    [
        (["cert.pem"], "fullchain.pem is not cert.pem and chain.pem"),
        (["chain.pem"], "fullchain.pem is not cert.pem and chain.pem"),
        (["fullchain.pem"], "fullchain.pem is not cert.pem and chain.pem"),
        (["combined.pem"], "combined.pem is not cert.pem, chain.pem and privkey.pem"),
        (["privkey.pem"], "combined.pem is not cert.pem, chain.pem and privkey.pem"),
        (["privkey.pem", "combined.pem"], "the private key does not fit the certificate (KEY_VALUES_MISMATCH)"),
    ],
)
def test_files_of_another_leaf_are_damage(deployed: Destination, names: list[str], damage: str) -> None:
    folder = Path(deployed.path) / "app/v1"
    other = make_leaf()
    own_chain = (folder / "fullchain.pem").read_text()
    foreign = {
        "cert.pem": other.certificate,
        "chain.pem": other.certificate,
        "fullchain.pem": other.certificate + other.chain,
        "privkey.pem": other.private_key,
        "combined.pem": own_chain + other.private_key,
    }
    for name in names:
        (folder / name).write_text(foreign[name])
    assert inspected(deployed).damage == f"{folder}: {damage}"


def test_contents_that_are_no_certificates_are_damage(deployed: Destination) -> None:
    folder = Path(deployed.path) / "app/v1"
    (folder / "cert.pem").write_text("nonsense")
    assert inspected(deployed).damage == f"{folder}: cert.pem is not a certificate"
    (folder / "cert.pem").write_bytes(bytes(2_000_000))
    assert inspected(deployed).damage == f"{folder}: cert.pem is larger than 1048576 bytes"
    (folder / "cert.pem").unlink()
    os.mkfifo(folder / "cert.pem")
    assert inspected(deployed).damage == f"{folder}: cert.pem is not a regular file"
    (folder / "cert.pem").unlink()
    (folder / "cert.pem").symlink_to("fullchain.pem")
    assert inspected(deployed).damage == f"{folder}: cert.pem is a symbolic link, not a file"


def test_a_staple_that_was_cut_off_is_damage(deployed: Destination) -> None:
    staple = Path(deployed.path) / "app/v1/staple.der"
    os.truncate(staple, staple.stat().st_size - 1)
    assert inspected(deployed).damage == f"{staple.parent}: staple.der is truncated or not DER"


def test_two_staples_are_damage_and_two_equal_copies_are_drift(deployed: Destination) -> None:
    folder = Path(deployed.path) / "app/v1"
    content = (folder / "staple.der").read_bytes()
    (folder / "combined.pem.ocsp").unlink()
    (folder / "combined.pem.ocsp").write_bytes(content)
    assert inspected(deployed).drift == ("combined.pem.ocsp is not a hard link to staple.der",)
    (folder / "combined.pem.ocsp").write_bytes(make_leaf().staple)
    assert inspected(deployed).damage == f"{folder}: staple.der and combined.pem.ocsp differ"


def test_both_names_of_the_staple_gone_is_no_staple(deployed: Destination) -> None:
    folder = Path(deployed.path) / "app/v1"
    (folder / "staple.der").unlink()
    (folder / "combined.pem.ocsp").unlink()
    state = inspected(deployed)
    assert (state.staple_sha256, state.damage, state.drift) == ("", "", ("nginx.conf was changed",))


def test_without_the_link_the_pointer_file_tells_what_is_deployed(deployed: Destination) -> None:
    deploy_leaf(deployed, make_leaf(), 1)
    folder = Path(deployed.path) / "app"
    (folder / "current").unlink()
    (folder / "nginx.conf").write_text((folder / "nginx.conf").read_text().replace("/v2/", "/v1/"))
    assert inspected(deployed).generation == 1
    (folder / "nginx.conf").unlink()
    state = inspected(deployed)
    assert (state.generation, state.drift) == (2, ("current names nothing, not v2", "nginx.conf is missing"))


def test_another_choice_of_server_is_drift(deployed: Destination) -> None:
    state = inspected(replace(deployed, server="none"))
    assert state.drift == ("nginx.conf is left over from another choice of server",)


def test_another_choice_of_mode_is_drift(deployed: Destination) -> None:
    changed = replace(deployed, private=deployed.private._replace(mode=0o640))
    assert [sentence.split(",")[0] for sentence in inspected(changed).drift] == [
        "privkey.pem has mode 0600",
        "combined.pem has mode 0600",
    ]


def test_a_damaged_journal_is_an_error_that_names_it(deployed: Destination) -> None:
    (Path(deployed.path) / ".activation-app.json").write_text('[{"name": 1}]')
    with pytest.raises(HostError, match=r"\.activation-app\.json in the destination is damaged"):
        inspected(deployed)


# Keys made on the host


@pytest.mark.parametrize(
    ("key_type", "kind", "size"),
    [
        ("ecdsa-p256", ec.EllipticCurvePublicKey, 256),
        ("ecdsa-p384", ec.EllipticCurvePublicKey, 384),
        ("rsa-3072", rsa.RSAPublicKey, 3072),
        ("ed25519", ed25519.Ed25519PublicKey, None),
    ],
)
def test_a_pending_key_is_made_and_only_its_request_travels(
    private_folder: Path, key_type: str, kind: type, size: int | None
) -> None:
    destination = destination_at(private_folder / "pki")
    csr = x509.load_pem_x509_csr(requested(destination, key_type).encode())
    assert csr.is_signature_valid
    assert isinstance(csr.public_key(), kind)
    assert getattr(csr.public_key(), "key_size", None) == size
    (pending,) = (private_folder / "pki/app").iterdir()
    assert pending.stat().st_mode & 0o7777 == 0o600
    assert load_pem_private_key(pending.read_bytes(), None).public_key() == csr.public_key()


def test_a_key_that_cannot_be_made_leaves_no_folder_behind(private_folder: Path) -> None:
    (private_folder / "openssl").write_text("#!/bin/sh\nexit 1\n")
    (private_folder / "openssl").chmod(0o755)
    with pytest.raises(HostError, match="openssl genpkey failed"):
        requested(destination_at(private_folder / "etc" / "pki"), openssl=str(private_folder / "openssl"))
    assert [path.name for path in private_folder.iterdir()] == ["openssl"]


def test_an_inspection_makes_no_key(private_folder: Path) -> None:
    assert inspected(destination_at(private_folder / "pki"), ON_HOST) == NOTHING
    assert tree(private_folder) == {}


def test_keys_are_made_once_and_for_all_leaves_together(private_folder: Path) -> None:
    destination, wanted = destination_at(private_folder / "pki"), [WantedKey("app"), WantedKey("other", "ed25519")]
    first, second = request_keys(destination, wanted), request_keys(destination, wanted)
    assert (first.changed, second.changed) == (True, False)
    assert [[request.name for request in each.certificates] for each in (first, second)] == [["app", "other"]] * 2
    with pytest.raises(HostError, match=r"name: '\.\./app' cannot name a folder"):
        request_keys(destination, [WantedKey("../app")])


def test_a_pending_key_is_used_again_unless_others_could_read_it(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    first = public_key(requested(destination))
    assert public_key(requested(destination)) == first
    (private_folder / "app/pending-ecdsa-p256.pem").chmod(0o644)
    assert public_key(requested(destination)) != first


def test_a_pending_key_of_another_type_gives_way(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    requested(destination)
    requested(destination, "ed25519")
    assert [path.name for path in (private_folder / "app").iterdir()] == ["pending-ed25519.pem"]


def public_key(csr: str) -> object:
    return x509.load_pem_x509_csr(csr.encode()).public_key()


def test_a_leaf_for_a_pending_key_is_deployed_with_a_bundle(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    certificate = sign(public_key(requested(destination)), "app.test")
    leaf = replace(make_leaf(), certificate=certificate.public_bytes(Encoding.PEM).decode(), private_key="")
    wanted = replace(delivery(leaf), pkcs12_passphrase="correct horse", pkcs12=b"")
    deploy(destination, [wanted], NO_SERVER)
    folder = private_folder / "app"
    assert sorted(path.name for path in folder.iterdir()) == ["current", "nginx.conf", "v1"]
    key, bundled, chain = pkcs12.load_key_and_certificates((folder / "v1/bundle.p12").read_bytes(), b"correct horse")
    deployed_key = load_pem_private_key((folder / "v1/privkey.pem").read_bytes(), None)
    assert key.private_numbers() == deployed_key.private_numbers()
    assert bundled == certificate
    assert [each.public_bytes(Encoding.PEM).decode() for each in chain] == [leaf.chain]
    assert (folder / "v1/bundle.p12").stat().st_mode & 0o777 == 0o600
    chain = hashlib.sha256(leaf.chain.encode()).hexdigest()
    kept = replace(ON_HOST, keep=leaf.sha256, keep_chain=chain, keep_pkcs12=True)
    state = inspected(destination, kept, openssl=MISSING)
    assert (state.pkcs12, state.drift) == (True, ())
    for another in (ON_HOST, replace(kept, keep_pkcs12=False), replace(kept, keep_chain="")):
        with pytest.raises(HostError, match="needs the command openssl"):
            inspected(destination, another, openssl=MISSING)
    assert public_key(requested(destination)) != certificate.public_key()


def test_a_rolled_back_leaf_leaves_its_pending_key(private_folder: Path) -> None:
    destination = destination_at(private_folder)
    first = public_key(requested(destination))
    certificate = sign(first, "app.test").public_bytes(Encoding.PEM).decode()
    with pytest.raises(HostError):
        deploy(
            destination,
            [replace(delivery(make_leaf()), certificate=certificate, private_key="")],
            Activation(test=("false",)),
        )
    assert public_key(requested(destination)) == first


def test_a_damaged_leaf_needs_a_new_key(deployed: Destination) -> None:
    state = inspected(deployed)
    kept = replace(ON_HOST, keep=state.leaf_sha256, keep_chain=state.chain_sha256)
    assert inspected(deployed, kept, openssl=MISSING).damage == ""
    (Path(deployed.path) / "app/v1/privkey.pem").unlink()
    with pytest.raises(HostError, match="needs the command openssl"):
        inspected(deployed, kept, openssl=MISSING)


def test_a_host_without_openssl_says_what_to_install(private_folder: Path) -> None:
    destination = destination_at(private_folder / "pki")
    for ask in (lambda: inspected(destination, ON_HOST, MISSING), lambda: requested(destination, openssl=MISSING)):
        with pytest.raises(HostError, match=r"Install the package openssl there, or leave private_key at controller\."):
            ask()
    assert tree(private_folder) == {}


def test_the_leaves_that_nobody_asks_about_are_named(private_folder: Path) -> None:
    destination = destination_at(private_folder / "pki")
    for name in ("app", "former", "other"):
        deploy_leaf(destination, make_leaf(), name=name)
    folder = Path(destination.path)
    (folder / "notes").mkdir()
    (folder / "file").touch()
    (folder / "link").symlink_to("former")
    found = inspect_leaves(destination, [Inquiry("app")], NO_SERVER)
    assert found.others == ("former", "other")
