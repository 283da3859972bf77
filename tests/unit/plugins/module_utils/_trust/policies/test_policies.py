# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of browsers' policies: what goes in, what stays as it was, and what is left after removal, byte for byte.

That browsers follow these files is for the scenario with real browsers to show.
"""

from __future__ import annotations

import base64
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust.policies import firefox as firefox_policies
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_browsers import ScratchBrowsers
from ansible_collections.anchorage.pki.tests.unit.scratch_host import (
    ANCHOR,
    OTHER,
    ROOT,
    apply_all,
    settle_all,
)

LIMITED = Anchor(ANCHOR.name, ANCHOR.pem, ("corp.example", "localhost"))
BASE64 = base64.b64encode(der_of(ROOT)).decode()

FOREIGN = [
    '{"policies": {}}',
    '{"policies":{"DisableTelemetry":true}}',
    '{\n    "policies": {\n        "Certificates": {}\n    }\n}\n',
    '{\r\n\t"policies": {\r\n\t\t"Certificates": {"Install": []},\r\n\t\t"Homepage": {"URL": "http://é.example"}\r\n\t}\r\n}',
    '{"policies": {"Certificates": {"Install": ["/corp/root.pem"], "ImportEnterpriseRoots": true}, "A": [1.0, 1e5]}}\n',
    '{ "comment": "caf\\u00e9", "policies": { "Z": 1, "A": {} } }',
    '{"policies": {"Homepage": {"URL": "\\ud83d é \\\\ud83d"}}}',  # half of a pair, and no escape at all
    '{"policies": {"Deep": ' + '{"A":' * 190 + "1" + "}" * 190 + "}}",
    "{}",
]


@pytest.fixture
def host(tmp_path: Path) -> ScratchBrowsers:
    return ScratchBrowsers(tmp_path / "host")


def installed(file: Path) -> list[str]:
    entries: list[str] = json.loads(file.read_text())["policies"]["Certificates"]["Install"]
    return entries


# --- which files


def test_without_a_browser_nothing_is_made(host: ScratchBrowsers) -> None:
    with pytest.raises(HostError, match=r"Looked for: .*\(Firefox\).*\(Chromium\).*\(Brave\)"):
        apply_all("install", host)


@pytest.mark.parametrize(
    ("mark", "file"),
    [
        ("usr/lib64/firefox/application.ini", "etc/firefox/policies/policies.json"),
        ("opt/firefox-nightly/application.ini", "etc/firefox/policies/policies.json"),
        ("snap/firefox/current", "etc/firefox/policies/policies.json"),
        ("usr/bin/chromium", "etc/chromium/policies/managed/00-anchorage.json"),
        ("snap/chromium/current", "etc/chromium-browser/policies/managed/00-anchorage.json"),
        ("opt/google/chrome-beta/chrome", "etc/opt/chrome/policies/managed/00-anchorage.json"),
        ("opt/brave.com/brave/brave", "etc/brave/policies/managed/00-anchorage.json"),
    ],
)
def test_each_browser_gets_its_file_and_no_other(host: ScratchBrowsers, mark: str, file: str) -> None:
    host.put(mark, "")
    before = host.picture()
    settle_all("install", host)
    written = list((host.root / "etc").rglob("*.json"))
    assert written == [host.root / file]
    assert written[0].stat().st_mode & 0o777 == 0o644
    settle_all("remove", host)
    assert host.picture() == before


def test_a_flatpak_gets_the_path_inside_its_sandbox(host: ScratchBrowsers) -> None:
    host.put("var/lib/flatpak/app/org.mozilla.firefox/current", "")
    settle_all("install", host)
    folder = host.root / firefox_policies.FLATPAK.lstrip("/")
    assert installed(folder / "policies.json") == [f"/app/etc/firefox/policies/{ANCHOR.name}.pem"]
    assert (folder / f"{ANCHOR.name}.pem").read_bytes() == pem_of(ROOT)


def test_an_installations_own_policies_are_not_hidden_by_new_ones_of_the_system(host: ScratchBrowsers) -> None:
    own, other = host.install_firefox(), host.install_firefox("opt/firefox")
    host.put(own, '{"policies": {"DisableTelemetry": true}}')
    before = host.picture()
    settle_all("install", host)
    assert not host.firefox.exists()
    assert installed(own) == [f"/usr/lib/firefox/distribution/{ANCHOR.name}.pem"]
    assert installed(other) == [f"/opt/firefox/distribution/{ANCHOR.name}.pem"]
    settle_all("remove", host)
    assert host.picture() == before


def test_policies_of_the_system_and_of_an_installation_are_both_fed(host: ScratchBrowsers) -> None:
    own = host.put(host.install_firefox(), '{"policies": {}}')
    host.put(host.firefox, '{"policies": {"Certificates": {"Install": []}}}')
    host.put("var/lib/flatpak/app/org.mozilla.firefox/current", "")
    names = ["firefox policies", "policies of /usr/lib/firefox", "firefox policies of Flatpak"]
    for _once_more in range(2):
        assert [outcome.name for outcome in apply_all("install", host)] == names
    assert [len(installed(file)) for file in (own, host.firefox)] == [1, 1]


# --- browsers that are gone


@pytest.mark.parametrize("gone", ["usr/lib/firefox", "usr/lib/chromium", "var/lib/flatpak/app/org.mozilla.firefox"])
@pytest.mark.parametrize(
    "before", [None, '{"CACertificates": ["AAAA"], "policies": {"Certificates": {"Install": []}}}']
)
def test_policies_of_a_browser_that_was_uninstalled_are_cleared(
    host: ScratchBrowsers, gone: str, before: str | None
) -> None:
    host.put(f"{gone}/application.ini", "")
    file = host.firefox if "lib/firefox" in gone else host.chromium.with_name("corporate.json")
    if "flatpak" in gone:
        file = host.root / firefox_policies.FLATPAK.lstrip("/") / "policies.json"
    if before is not None:
        host.put(file, before)
    picture = host.picture()
    settle_all("install", host)
    (host.root / gone).rename(host.root / "moved")
    assert [outcome.state for outcome in apply_all("inspect", host)] == ["trusted"]
    apply_all("remove", host)
    (host.root / "moved").rename(host.root / gone)
    assert host.picture() == picture


def test_an_installations_folder_that_an_uninstallation_leaves_is_cleared(host: ScratchBrowsers) -> None:
    own = host.put(host.install_firefox(), '{"policies": {"DisableTelemetry": true}}')
    settle_all("install", host)
    (own.parent.parent / "application.ini").unlink()
    outcomes = apply_all("remove", host)
    assert [(outcome.name, outcome.state) for outcome in outcomes] == [("policies of /usr/lib/firefox", "absent")]
    assert os.listdir(own.parent) == ["policies.json"]
    assert own.read_text() == '{"policies": {"DisableTelemetry": true}}'


def test_debians_folder_that_an_uninstallation_leaves_is_cleared(host: ScratchBrowsers) -> None:
    """There, an installation's folder of policies is a link, and what it leads to stays."""
    host.install_firefox("usr/lib/firefox-esr")
    host.put("usr/share/firefox-esr/distribution/policies.json", '{"policies":{"DisableTelemetry":true}}')
    (host.root / "usr/lib/firefox-esr/distribution").symlink_to("../../share/firefox-esr/distribution")
    before = host.picture()
    settle_all("install", host)
    installation = (host.root / "usr/lib/firefox-esr").rename(host.root / "moved")
    outcomes = apply_all("inspect", host)
    assert [(each.name, each.state) for each in outcomes] == [("policies of /usr/share/firefox-esr", "trusted")]
    apply_all("remove", host)
    installation.rename(host.root / "usr/lib/firefox-esr")
    assert host.picture() == before


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("etc/firefox/policies/policies.json", '{"policies": {"Extensions": {"Install": ["a"]}}}'),
        ("etc/firefox/policies/policies.json", "{"),
        ("etc/chromium/policies/managed/a.json", '{"HomepageLocation": "a"}'),
    ],
)
def test_policies_without_anchors_make_no_browser(host: ScratchBrowsers, file: str, content: str) -> None:
    host.put(file, content)
    with pytest.raises(HostError, match="no trust store"):
        apply_all("inspect", host)


# --- merged, and restored


@pytest.mark.parametrize("content", FOREIGN)
def test_firefox_keeps_everything_else_and_removal_restores_each_byte(host: ScratchBrowsers, content: str) -> None:
    host.install_firefox()
    host.put(host.firefox, content)
    before = host.picture()
    settle_all("install", host)
    merged = json.loads(host.firefox.read_text())
    assert merged["policies"]["Certificates"]["Install"][-1] == f"/etc/firefox/policies/{ANCHOR.name}.pem"
    merged["policies"]["Certificates"]["Install"].pop()
    former = json.loads(content)
    assert list(merged)[: len(former)] == list(former)
    assert merged.get("comment") == former.get("comment")
    for name, policy in former.get("policies", {}).items():
        assert name == "Certificates" or merged["policies"][name] == policy
    settle_all("remove", host)
    assert host.picture() == before


def test_the_layout_of_the_file_is_kept(host: ScratchBrowsers) -> None:
    host.install_firefox()
    host.put(host.firefox, '{\n\t"policies": {\n\t\t"Install": 1\n\t}\n}')
    settle_all("install", host)
    text = host.firefox.read_text()
    assert text.startswith('{\n\t"policies": {\n\t\t"Install": 1,\n\t\t"Certificates": {')
    assert text.endswith("}")


def test_mode_and_owner_are_kept_and_the_record_is_private(host: ScratchBrowsers) -> None:
    host.install_firefox()
    host.put(host.firefox, '{"policies": {"Proxy": "secret"}}', mode=0o664)
    settle_all("install", host)
    assert host.firefox.stat().st_mode & 0o7777 == 0o664
    (record,) = (host.root / "var/lib/anchorage/policies").iterdir()
    assert record.stat().st_mode & 0o7777 == 0o600


def test_policies_closed_to_users_are_not_opened(host: ScratchBrowsers) -> None:
    host.install_firefox()
    host.put(host.firefox, '{"policies": {}}', mode=0o600)
    before = host.picture()
    (outcome,) = apply_all("install", host)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert f"but {host.firefox} is closed to other users" in outcome.evidence[0]
    assert host.picture() == before


def test_several_anchors_come_and_go_in_any_order(host: ScratchBrowsers) -> None:
    host.install_firefox()
    host.install_chromium()
    host.put(host.firefox, FOREIGN[3])
    before = host.picture()
    settle_all("install", host)
    settle_all("install", host, OTHER)
    assert len(json.loads(host.chromium.read_text())["CACertificates"]) == 2
    settle_all("remove", host)
    assert {outcome.state for outcome in apply_all("inspect", host, OTHER)} == {"trusted"}
    settle_all("install", host)
    settle_all("remove", host, OTHER)
    settle_all("remove", host)
    assert host.picture() == before


def test_a_file_that_others_have_edited_since_keeps_their_work(host: ScratchBrowsers) -> None:
    host.install_firefox()
    host.put(host.firefox, '{"policies": {"Certificates": {}}}')
    settle_all("install", host)
    edited = json.loads(host.firefox.read_text())
    edited["policies"]["DisableTelemetry"] = True
    host.put(host.firefox, json.dumps(edited, indent=4))
    settle_all("remove", host)
    assert host.firefox.read_text() == (
        '{\n    "policies": {\n        "Certificates": {},\n        "DisableTelemetry": true\n    }\n}'
    )
    assert not (host.root / "var/lib/anchorage").exists()


def test_a_file_that_was_replaced_since_is_what_removal_restores(host: ScratchBrowsers) -> None:
    host.install_firefox()
    host.put(host.firefox, '{"policies": {"Old": 1}}')
    settle_all("install", host)
    host.put(host.firefox, '{"policies":{"New":1}}')
    assert [outcome.state for outcome in apply_all("inspect", host)] == ["stale"]
    settle_all("install", host)
    settle_all("remove", host)
    assert host.firefox.read_text() == '{"policies":{"New":1}}'


def test_without_the_record_nothing_empty_is_left(host: ScratchBrowsers) -> None:
    host.install_firefox()
    host.install_chromium()
    settle_all("install", host)
    for record in (host.root / "var/lib/anchorage/policies").iterdir():
        record.write_text("{")
    settle_all("remove", host)
    assert not host.firefox.exists()
    assert not host.chromium.exists()


def test_a_link_stays_a_link(host: ScratchBrowsers) -> None:
    host.install_firefox()
    real = host.put("srv/policies.json", '{"policies": {}}')
    host.firefox.parent.mkdir(parents=True)
    host.firefox.symlink_to(real)
    settle_all("install", host)
    assert host.firefox.is_symlink()
    assert len(installed(real)) == 1
    settle_all("remove", host)
    assert real.read_text() == '{"policies": {}}'


# --- refused


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not valid JSON"),
        (b"", "is not valid JSON"),
        ('\ufeff{"policies": {}}', "is not valid JSON"),  # Firefox ignores it with a byte order mark
        (b'{"policies": "\xff"}', "is not UTF-8"),
        ("[]", "holds no JSON object"),
        ("null", "holds no JSON object"),
        ("[" * 200_000, "is nested too deeply"),
        ('{"A":' * 300 + "1" + "}" * 300, "is nested too deeply"),
        ('{"policies": {"A": 1}, "policies": {"B": 2}}', 'has the key "policies" twice in one object: fix the file'),
        ('{"policies": {"A": {"B": 1, "B": 1}}}', 'has the key "B" twice in one object: fix the file'),
        ('{"policies": []}', "policies is not an object: fix the file"),
        (
            '{"policies": {"Certificates": {"Install": "a"}}}',
            "policies.Certificates.Install is not a list: fix the file",
        ),
    ],
)
@pytest.mark.parametrize("operation", ["install", "remove", "inspect"])
def test_what_firefox_cannot_read_is_refused_and_left(
    host: ScratchBrowsers, content: str | bytes, reason: str, operation: str
) -> None:
    host.install_firefox()
    host.put(host.firefox, content)
    before = host.picture()
    (outcome,) = apply_all(operation, host)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert len(outcome.evidence) == 1
    assert reason in outcome.evidence[0]
    assert str(host.firefox) in outcome.evidence[0]
    assert host.picture() == before


def test_a_folder_that_everybody_may_write_is_refused(host: ScratchBrowsers) -> None:
    host.install_firefox()
    host.firefox.parent.mkdir(parents=True)
    host.firefox.parent.chmod(0o777)
    before = host.picture()
    (outcome,) = apply_all("install", host)
    assert outcome.state == "failed"
    assert "is writable by all users" in outcome.evidence[0]
    assert host.picture() == before


def test_a_proof_that_fails_leaves_nothing(host: ScratchBrowsers, monkeypatch: pytest.MonkeyPatch) -> None:
    host.install_firefox()
    before = host.picture()

    rename = os.rename

    def fail(source: str, target: str, **folders: int) -> None:
        if target.endswith(".pem"):
            raise OSError(28, "No space left on device")
        rename(source, target, **folders)

    monkeypatch.setattr(os, "rename", fail)
    (outcome,) = apply_all("install", host)
    assert (outcome.state, outcome.changed) == ("failed", False)
    assert "No space left on device. The change was rolled back." in outcome.evidence[0]
    assert host.picture() == before


# --- told apart by content


def test_an_administrators_own_entry_counts_and_goes(host: ScratchBrowsers) -> None:
    host.install_firefox()
    corporate = host.put("srv/corporate.crt", der_of(ROOT))
    host.put(host.firefox, '{"policies":{"Certificates":{"Install":["/srv/corporate.crt","/srv/other.crt"]}}}')
    assert not any(outcome.changed for outcome in apply_all("install", host))
    settle_all("remove", host)
    assert host.firefox.read_text() == '{"policies": {"Certificates": {"Install": ["/srv/other.crt"]}}}'
    assert corporate.exists()


def test_an_entry_without_a_folder_is_found_where_firefox_looks(host: ScratchBrowsers) -> None:
    host.install_firefox()
    host.put("usr/lib/mozilla/certificates/corporate.pem", pem_of(ROOT))
    host.put(host.firefox, '{"policies": {"Certificates": {"Install": ["corporate.pem"]}}}')
    assert [outcome.state for outcome in apply_all("inspect", host)] == ["trusted"]


@pytest.mark.parametrize("damage", ["missing file", "other content", "closed file", "missing entry"])
@pytest.mark.parametrize("operation", ["install", "remove"])
def test_what_is_half_there_is_stale_and_repaired(host: ScratchBrowsers, damage: str, operation: str) -> None:
    host.install_firefox()
    before = host.picture()
    settle_all("install", host)
    own = host.firefox.parent / f"{ANCHOR.name}.pem"
    if damage == "missing file":
        own.unlink()
    elif damage == "other content":
        own.write_bytes(pem_of(make_root("Another")))
    elif damage == "closed file":
        own.chmod(0o600)
    else:
        host.put(host.firefox, '{"policies": {}}')
    assert [outcome.state for outcome in apply_all("inspect", host)] == ["stale"]
    settle_all(operation, host)
    if operation == "remove" and damage != "missing entry":
        assert host.picture() == before


def test_removal_says_that_profiles_keep_their_copies(host: ScratchBrowsers) -> None:
    host.install_firefox()
    settle_all("install", host)
    (outcome,) = apply_all("remove", host)
    assert "profiles keep what a policy once installed" in outcome.evidence[0]


# --- Chromium


def test_chromium_holds_an_anchor_to_its_domains(host: ScratchBrowsers) -> None:
    host.install_chromium()
    (outcome,) = settle_all("install", host, LIMITED)
    entry = {"certificate": BASE64, "constraints": {"permitted_dns_names": ["corp.example", "localhost"]}}
    assert json.loads(host.chromium.read_text()) == {"CACertificatesWithConstraints": [entry]}
    assert outcome.evidence == (f"{host.chromium} has Chromium trust it, for corp.example, localhost",)


def test_chromium_trusts_an_anchor_without_limits_as_it_is(host: ScratchBrowsers) -> None:
    host.install_chromium()
    settle_all("install", host)
    assert json.loads(host.chromium.read_text()) == {"CACertificates": [BASE64]}


def test_anchors_with_and_without_limits_share_the_file(host: ScratchBrowsers) -> None:
    host.install_chromium()
    before = host.picture()
    settle_all("install", host, LIMITED)
    settle_all("install", host, OTHER)
    settle_all("remove", host, LIMITED)
    assert list(json.loads(host.chromium.read_text())) == ["CACertificates"]
    settle_all("remove", host, OTHER)
    assert host.picture() == before


def test_an_anchor_goes_into_the_list_that_chromium_takes(host: ScratchBrowsers) -> None:
    host.install_chromium()
    corporate = host.put(host.chromium.parent / "corporate.json", '{"CACertificates": ["AAAA"], "B": 1}')
    before = host.picture()
    settle_all("install", host)
    assert json.loads(corporate.read_text()) == {"CACertificates": ["AAAA", BASE64], "B": 1}
    assert not host.chromium.exists()
    settle_all("remove", host)
    assert host.picture() == before


def test_a_list_that_hides_ours_later_is_found(host: ScratchBrowsers) -> None:
    host.install_chromium()
    settle_all("install", host)
    corporate = host.put(host.chromium.parent / "corporate.json", '{"CACertificates": []}')
    (outcome,) = apply_all("inspect", host)
    assert outcome.state == "stale"
    assert f"names it to no effect: Chromium takes CACertificates from {corporate}" in outcome.evidence[0]
    settle_all("install", host)
    assert json.loads(corporate.read_text()) == {"CACertificates": [BASE64]}
    settle_all("remove", host)
    assert not host.chromium.exists()
    assert json.loads(corporate.read_text()) == {"CACertificates": []}


def test_other_files_of_chromium_need_not_be_read(host: ScratchBrowsers) -> None:
    host.install_chromium()
    host.put(host.chromium.parent / "other.json", "not JSON")
    settle_all("install", host)


def test_a_file_that_sets_the_policy_in_bad_json_is_refused(host: ScratchBrowsers) -> None:
    host.install_chromium()
    host.put(host.chromium.parent / "other.json", '{"CACertificates": [')
    (outcome,) = apply_all("install", host)
    assert outcome.state == "failed"
    assert "other.json is not valid JSON" in outcome.evidence[0]


@pytest.mark.parametrize("entry", [None, 1, [], {}, {"certificate": 3}, "no base64!", {"constraints": None}])
def test_odd_entries_are_nobodys_anchor_and_stay(host: ScratchBrowsers, entry: Any) -> None:
    host.install_chromium()
    file = host.put(host.chromium.parent / "odd.json", json.dumps({"CACertificatesWithConstraints": [entry]}))
    settle_all("install", host, LIMITED)
    settle_all("remove", host, LIMITED)
    assert json.loads(file.read_text()) == {"CACertificatesWithConstraints": [entry]}


CONSTRAINTS = [None, "corp.example", [], {"permitted_dns_names": None}, {"permitted_dns_names": [1, {}]}]


@pytest.mark.parametrize("constraints", CONSTRAINTS)
def test_odd_limits_of_the_anchor_are_reported_and_go_with_it(host: ScratchBrowsers, constraints: Any) -> None:
    host.install_chromium()
    entry = {"certificate": BASE64, "constraints": constraints}
    file = host.put(host.chromium.parent / "odd.json", json.dumps({"CACertificatesWithConstraints": [entry], "A": 1}))
    (outcome,) = apply_all("inspect", host)
    assert outcome.state == "stale"
    assert f"{file} names it to no effect" in outcome.evidence[0]
    settle_all("install", host, LIMITED)
    settle_all("remove", host)
    assert json.loads(file.read_text()) == {"CACertificatesWithConstraints": [], "A": 1}


def test_an_anchor_may_be_limited_to_networks(host: ScratchBrowsers) -> None:
    host.install_chromium()
    entry = {"certificate": BASE64, "constraints": {"permitted_cidrs": ["10.0.0.0/8"]}}
    file = host.put(host.chromium.parent / "a.json", json.dumps({"CACertificatesWithConstraints": [entry]}))
    (outcome,) = apply_all("inspect", host)
    assert (outcome.state, outcome.evidence) == ("trusted", (f"{file} has Chromium trust it, for 10.0.0.0/8",))


# --- check mode, and former anchors


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_check_mode_previews_and_changes_nothing(host: ScratchBrowsers, operation: str) -> None:
    host.install_firefox()
    host.install_chromium()
    if operation == "remove":
        settle_all("install", host, LIMITED)
    before = host.picture()
    preview = apply_all(operation, host, LIMITED, check_mode=True)
    assert host.picture() == before
    done = apply_all(operation, host, LIMITED)
    assert [(each.state, each.changed) for each in preview] == [(each.state, each.changed) for each in done]
    assert [each.evidence[0].replace("would have", "has").replace("would name", "names") for each in preview][1] == (
        done[1].evidence[0]
    )


def test_a_former_anchor_goes_with_the_next(host: ScratchBrowsers) -> None:
    host.install_firefox()
    host.install_chromium()
    settle_all("install", host)
    outcomes = apply_all("install", host, OTHER, superseded=[ANCHOR])
    assert [outcome.state for outcome in outcomes] == ["trusted", "trusted"]
    assert {outcome.state for outcome in apply_all("inspect", host)} == {"absent"}


@pytest.mark.parametrize("step", range(1, 7))
def test_what_a_kill_leaves_is_healed(host: ScratchBrowsers, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write in turn is the last one that happens: no way back runs, as with kill -9."""
    host.install_firefox()
    host.install_chromium()
    host.put(host.firefox, FOREIGN[4])
    before = host.picture()
    kill_at(step, monkeypatch)
    with suppress(KeyboardInterrupt):
        settle_all("install", host)
        settle_all("remove", host)
        raise AssertionError("there are fewer steps than that")
    monkeypatch.undo()
    settle_all("install", host)
    settle_all("remove", host)
    assert host.picture() == before


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0
    rename = os.rename

    def counted(*arguments: Any, **options: Any) -> None:
        nonlocal count
        count += 1
        rename(*arguments, **options)
        if count == step:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", counted)
