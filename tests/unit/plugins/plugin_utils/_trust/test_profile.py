# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the configuration profile for Macs, as plistlib reads it, and of the file that it becomes."""

from __future__ import annotations

import os
import plistlib
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import AnchorCertificate, identify_anchor
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.profile import (
    anchor_profile,
    plan_profile,
    write_profile,
)
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root, pem_of

ROOT = make_root("Lab root")
ANCHOR = identify_anchor(pem_of(ROOT), "test")


NEXT = identify_anchor(pem_of(make_root("Lab root 2")), "test")


def bytes_of(anchor: AnchorCertificate) -> bytes:
    return anchor_profile([anchor], anchor.sha256)


def read(anchor: AnchorCertificate) -> dict[str, Any]:
    profile: dict[str, Any] = plistlib.loads(bytes_of(anchor))
    return profile


def test_a_profile_holds_the_anchor_as_a_root() -> None:
    profile = read(ANCHOR)
    (root,) = profile["PayloadContent"]
    assert profile["PayloadType"] == "Configuration"
    assert root["PayloadType"] == "com.apple.security.root"
    assert root["PayloadContent"] == der_of(ROOT)
    assert root["PayloadCertificateFileName"] == f"{ANCHOR.name}.cer"
    assert ANCHOR.sha256 in profile["PayloadDescription"]
    for payload in (profile, root):
        assert payload["PayloadVersion"] == 1
        assert payload["PayloadDisplayName"].endswith("CN=Lab root")


def test_it_is_for_the_whole_mac_and_can_be_removed() -> None:
    profile = read(ANCHOR)
    assert profile["PayloadScope"] == "System"
    assert profile["PayloadRemovalDisallowed"] is False


def test_its_identifiers_are_those_of_its_anchor_alone() -> None:
    def identifiers(anchor: AnchorCertificate) -> set[str]:
        profile = read(anchor)
        payloads = (profile, *profile["PayloadContent"])
        assert all(uuid.UUID(payload["PayloadUUID"]).version == 5 for payload in payloads)
        return {payload[key] for payload in payloads for key in ("PayloadUUID", "PayloadIdentifier")}

    own, of_another = identifiers(ANCHOR), identifiers(identify_anchor(pem_of(make_root("Lab root")), "test"))
    assert len(own) == len(of_another) == 4
    assert not own & of_another


def test_two_anchors_are_two_roots_in_a_profile_that_takes_the_place_of_the_former() -> None:
    both = plistlib.loads(anchor_profile([ANCHOR, NEXT], ANCHOR.sha256))
    alone = plistlib.loads(anchor_profile([NEXT], ANCHOR.sha256))
    names = ("PayloadIdentifier", "PayloadUUID")
    assert [both[name] for name in names] == [alone[name] for name in names] == [read(ANCHOR)[name] for name in names]
    assert both["PayloadContent"] == [*read(ANCHOR)["PayloadContent"], *read(NEXT)["PayloadContent"]]
    assert alone["PayloadContent"] == read(NEXT)["PayloadContent"]
    assert both["PayloadDisplayName"] == "Trust in CN=Lab root and CN=Lab root 2"
    for anchor in (ANCHOR, NEXT):
        assert anchor.sha256 in both["PayloadDescription"]
    assert len({payload["PayloadUUID"] for payload in (both, *both["PayloadContent"])}) == 3


def test_another_process_makes_the_same_bytes() -> None:
    script = (
        "import sys; "
        "from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import identify_anchor; "
        "from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.profile import anchor_profile; "
        "anchor = identify_anchor(sys.stdin.buffer.read(), 'test'); "
        "sys.stdout.buffer.write(anchor_profile([anchor], anchor.sha256))"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "1"}
    made = subprocess.run(
        [sys.executable, "-c", script], input=pem_of(ROOT), env=environment, capture_output=True, check=True
    )
    assert made.stdout == bytes_of(ANCHOR)


@pytest.mark.parametrize("name", ['a <b> & "c" ]]>', "tabs\tand\nlines", "\x01\x1b[31mred", "Бюро 日本"])
def test_whatever_a_root_is_called_the_profile_can_be_read(name: str) -> None:
    anchor = identify_anchor(pem_of(make_root(name)), "test")
    shown = read(anchor)["PayloadDisplayName"]
    assert shown.isprintable()
    assert shown.startswith("Trust in CN=")


def test_a_profile_is_written_once_readable_for_all(tmp_path: Path) -> None:
    path = tmp_path / "root.mobileconfig"
    first = plan_profile(str(path), [ANCHOR], ANCHOR.sha256)
    assert first.changed
    assert not path.exists()
    former = os.umask(0o077)
    try:
        write_profile(first)
    finally:
        os.umask(former)
    assert path.read_bytes() == bytes_of(ANCHOR)
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == [path.name]
    assert not plan_profile(str(path), [ANCHOR], ANCHOR.sha256).changed


def test_what_was_there_is_in_the_difference(tmp_path: Path) -> None:
    path = tmp_path / "root.mobileconfig"
    path.write_bytes(b"former \xff\n")
    profile = plan_profile(str(path), [ANCHOR], ANCHOR.sha256)
    assert profile.diff() == {
        "before_header": f"{path} before",
        "after_header": f"{path} after",
        "before": "former \\xff\n",
        "after": bytes_of(ANCHOR).decode(),
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("root.pem", "does not end with .mobileconfig"),
        ("missing/root.mobileconfig", "there is no folder"),
        ("folder.mobileconfig", "cannot be read: it is a folder"),
        ("pipe.mobileconfig", "cannot be read: it is not a regular file"),
        ("large.mobileconfig", "is larger than any profile"),
    ],
)
def test_a_path_that_cannot_be_one_of_a_profile_is_refused(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder.mobileconfig").mkdir()
    os.mkfifo(tmp_path / "pipe.mobileconfig")
    with (tmp_path / "large.mobileconfig").open("wb") as large:
        large.truncate(2**20 + 1)
    with pytest.raises(PkiError, match=f"^profile_path: .*{words}"):
        plan_profile(str(tmp_path / name), [ANCHOR], ANCHOR.sha256)


def test_a_relative_path_is_refused() -> None:
    with pytest.raises(PkiError, match="is a relative path"):
        plan_profile("root.mobileconfig", [ANCHOR], ANCHOR.sha256)


def test_a_file_that_cannot_be_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "root.mobileconfig"
    profile = plan_profile(str(path), [ANCHOR], ANCHOR.sha256)
    path.mkdir()
    with pytest.raises(PkiError, match=f"^profile_path: {path} cannot be written: "):
        write_profile(profile)
    assert os.listdir(tmp_path) == [path.name]
