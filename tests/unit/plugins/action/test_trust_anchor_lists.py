# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action trust_anchor with a list of anchors, and with truststore files, on a host in a scratch folder."""

from __future__ import annotations

import os
import plistlib
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import Authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.rotations import State
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.tests.unit.file_servers import FileServer, file_server
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_leaf, make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.rotations import rotated
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import PROGRAM, ScratchDebian
from ansible_collections.anchorage.pki.tests.unit.trust_actions import Action, Look
from cryptography import x509
from cryptography.hazmat.primitives import hashes

pytestmark = pytest.mark.skipif(
    not os.path.exists(PROGRAM) or shutil.which("openssl") is None,
    reason="needs Debian's packages ca-certificates and openssl",
)
NOW = datetime.now(timezone.utc)
VALID = {"not_before": NOW - timedelta(days=1), "not_after": NOW + timedelta(days=900)}
CORPORATE, PARTNER = make_root("Corporate root", **VALID), make_root("Partner root", **VALID)
PASSWORD = "for the truststore alone"


def fingerprint(certificate: x509.Certificate) -> str:
    """As openssl prints it."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


@pytest.fixture
def host(tmp_path: Path) -> ScratchDebian:
    return ScratchDebian(tmp_path / "host")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    folder = tmp_path / "authority"
    folder.mkdir(mode=0o700)
    return carry_out(plan_provisioning(folder, {}, "Listed authority", NOW), Passphrases(), NOW)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as server:
        yield server


def run(host: ScratchDebian, anchors: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    mode = {"check_mode": options.pop("check_mode", False)}
    arguments = {"anchors": anchors, "stores": ["system"], **options}
    return Action(host, {name: value for name, value in arguments.items() if value is not None}, **mode).run()


def states(result: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Of each anchor: its subject, what named it, and what became of it in the first store."""
    told = [{**result["anchor"], "stores": result["stores"]}, *result.get("further_anchors", [])]
    kinds = [each["source"].split(" ")[0] for each in told]
    stores = [each["stores"][0] for each in told]
    return [
        (each["subject"], kind, store["state"], store["changed"])
        for each, kind, store in zip(told, kinds, stores, strict=True)
    ]


def proved(authority: Authority) -> dict[int, list[tuple[str, str]]]:
    with open_ledger(authority.ledger_path, read_only=True) as ledger:
        seen = {root.number: ledger.proofs.of_root(root.sha256) for root in authority.roots}
    return {number: [(each.store, each.state) for each in proofs] for number, proofs in seen.items()}


# --- several at once


def test_all_are_trusted_by_one_refresh_and_removed_by_another(
    host: ScratchDebian, authority: Authority, server: FileServer
) -> None:
    url = server.serve("/root.crt", der_of(CORPORATE))
    anchors = [
        {"certificate": pem_of(PARTNER).decode()},
        {"authority": str(authority.folder)},
        {"url": url, "sha256": fingerprint(CORPORATE)},
        {"certificate": pem_of(PARTNER).decode()},
    ]
    subjects = ["CN=Partner root", "CN=Listed authority", "CN=Corporate root"]
    expected = list(zip(subjects, ["certificate", "authority", "url"], strict=True))
    planned = run(host, anchors, check_mode=True)
    assert states(planned) == [(*each, "trusted", True) for each in expected]
    assert (host.spent(), proved(authority)) == ([], {1: []})
    assert states(run(host, anchors)) == [(*each, "trusted", True) for each in expected]
    assert len(host.spent()) == 1
    assert proved(authority) == {1: [("system:debian", "trusted")]}
    again = run(host, anchors)
    assert states(again) == [(*each, "trusted", False) for each in expected]
    assert (again["changed"], again["others"], len(host.spent())) == (False, [], 1)
    assert states(Look(host, {"anchors": anchors, "stores": ["system"]}).run()) == states(again)
    assert states(run(host, anchors, state="absent")) == [(*each, "absent", True) for each in expected]
    assert (len(host.spent()), proved(authority)) == (2, {1: [("system:debian", "absent")]})
    assert server.asked == ["/root.crt"]  # once, whatever the number of tasks


def test_one_that_is_trusted_already_is_left_alone(host: ScratchDebian) -> None:
    first, second = ({"certificate": pem_of(root).decode()} for root in (CORPORATE, PARTNER))
    run(host, [first])
    assert [changed for *_told, changed in states(run(host, [first, second]))] == [False, True]
    assert run(host, [first])["diff"]["before"].partition("absent")[1] == ""


def test_a_list_has_what_a_rotation_wants_trusted_and_removes_all(host: ScratchDebian, authority: Authority) -> None:
    authority = rotated(authority, State.DISTRIBUTING, NOW)
    anchors = [{"certificate": pem_of(PARTNER).decode()}, {"authority": str(authority.folder)}]
    run(host, anchors)
    assert proved(authority) == {number: [("system:debian", "trusted")] for number in (1, 2)}
    run(host, anchors, state="absent")
    assert proved(authority) == {number: [("system:debian", "absent")] for number in (1, 2)}


def test_an_empty_list_changes_nothing(host: ScratchDebian) -> None:
    before = host.picture()
    result = run(host, [])
    assert (result["changed"], result["stores"], host.picture()) == (False, [], before)


def test_a_profile_has_all_of_a_list(host: ScratchDebian, tmp_path: Path) -> None:
    path = tmp_path / "roots.mobileconfig"
    run(host, [{"certificate": pem_of(root).decode()} for root in (CORPORATE, PARTNER)], profile_path=str(path))
    payloads = plistlib.loads(path.read_bytes())["PayloadContent"]
    assert [payload["PayloadContent"] for payload in payloads] == [der_of(CORPORATE), der_of(PARTNER)]


# --- what is refused, before anything changes

GOOD = {"certificate": pem_of(PARTNER).decode()}
LEAF = make_leaf("a.test", CORPORATE.subject)
EXPIRED = make_root("Expired root", not_before=NOW - timedelta(days=9), not_after=NOW - timedelta(days=1))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (
            {"certificate": pem_of(make_leaf("a.test", CORPORATE.subject)).decode()},
            "certificate: the certificate is not",
        ),
        ({"certificate": pem_of(EXPIRED).decode()}, "certificate: the certificate expired on"),
        ({"certificate": (pem_of(CORPORATE) * 2).decode()}, "certificate: holds 2 certificates"),
        ({**GOOD, "sha256": fingerprint(CORPORATE)}, "certificate: the certificate has the fingerprint"),
        ({**GOOD, "sha256": "96:BC"}, "certificate: sha256 is no SHA-256 fingerprint"),
        ({**GOOD, "url": "https://pki.example.com/"}, "names no certificate, or two."),
        ({}, "names no certificate, or two."),
        ({"url": "https://pki.example.com/root.crt"}, "url needs sha256"),
        ({"url": "file:///etc/passwd", "sha256": "0" * 64}, "is no URL to download from."),
        ({"url": "https://pki.example.com:x/", "sha256": "0" * 64}, "is no URL to download from."),
        ({"url": "https://pki.example.com/a b", "sha256": "0" * 64}, "is no URL to download from."),
    ],
)
def test_the_entry_that_is_refused_is_named(host: ScratchDebian, entry: dict[str, Any], reason: str) -> None:
    before = host.picture()
    with pytest.raises(PkiError) as error:
        run(host, [GOOD, entry])
    assert str(error.value).startswith("anchors[1]")
    assert reason in str(error.value)
    assert host.picture() == before


def test_a_download_with_another_fingerprint_is_refused_and_tells_no_secret(
    host: ScratchDebian, server: FileServer
) -> None:
    url = server.serve("/root.pem", pem_of(CORPORATE))
    secret = url.replace("://", "://user:hunter2@") + "?token=hunter2"
    with pytest.raises(PkiError) as error:
        run(host, [{"url": secret, "sha256": fingerprint(PARTNER)}])
    assert f"anchors[0], url {url}: the certificate has the fingerprint" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_removal_takes_what_has_expired(host: ScratchDebian) -> None:
    assert states(run(host, [{"certificate": pem_of(EXPIRED).decode()}], state="absent"))[0][2] == "absent"


# --- truststore files


def test_files_are_stores_of_their_own_and_the_ledger_knows_each(host: ScratchDebian, authority: Authority) -> None:
    (host.root / "etc/app").mkdir()
    files = [
        {"path": "/etc/app/roots.pem", "format": "pem"},
        {"path": "/etc/app/roots.p12", "format": "pkcs12", "password": PASSWORD, "mode": "0640"},
    ]
    anchors = [{"authority": str(authority.folder)}, GOOD]
    result = run(host, anchors, stores=["system", "files"], truststores=files)
    assert [(store["kind"], store["state"]) for store in result["stores"]] == [
        ("system", "trusted"),
        ("files", "trusted"),
        ("files", "trusted"),
    ]
    assert PASSWORD not in str(result)
    stores = [f"files:{host.root}/etc/app/roots.{ending}" for ending in ("p12", "pem")]
    assert proved(authority) == {1: [(store, "trusted") for store in [*stores, "system:debian"]]}
    # What a task does not name is not gone.
    run(host, anchors, stores=["system", "files"], truststores=files[:1])
    run(host, anchors, stores=None)
    assert [store for store, _state in proved(authority)[1]] == [*stores, "system:debian"]
    run(host, anchors, state="absent", stores=None, truststores=files)
    assert [state for _store, state in proved(authority)[1]] == ["absent"] * 3
    assert list((host.root / "etc/app").iterdir()) == []


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"path": "app.pem", "format": "pem"}, "path app.pem is no absolute path"),
        ({"path": "/etc/../app.pem", "format": "pem"}, "path /etc/../app.pem is no absolute path"),
        ({"path": "//b.pem", "format": "pem"}, "path //b.pem is no absolute path"),
        ({"path": "/a\0.pem", "format": "pem"}, "path has a control character"),
        ({"path": "/a.pem", "format": "pem", "password": PASSWORD}, "password has no meaning with format=pem."),
        ({"path": "/a.jks", "format": "jks"}, "format=jks needs a password"),
        ({"path": "/a.p12", "format": "pkcs12", "password": "short"}, "password is shorter than 6 characters"),
        ({"path": "/a.pem", "format": "pem", "mode": "rw"}, "mode: rw is not a mode."),
        ({"path": "/b.pem", "format": "pem"}, "path /b.pem is named twice."),
    ],
)
def test_a_file_that_cannot_be_is_named(host: ScratchDebian, entry: dict[str, Any], reason: str) -> None:
    files = [{"path": "/b.pem", "format": "pem"}, entry]
    with pytest.raises(PkiError) as error:
        run(host, [GOOD], stores=["files"], truststores=files)
    assert str(error.value).startswith(f"truststores[1]: {reason}")


def test_files_without_any_are_refused(host: ScratchDebian) -> None:
    with pytest.raises(PkiError, match="Give it, or other kinds"):
        run(host, [GOOD], stores=["files"])
