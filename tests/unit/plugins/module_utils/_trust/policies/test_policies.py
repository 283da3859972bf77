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
from ansible_collections.anchorage.pki.plugins.module_utils._trust import engine as trust
from ansible_collections.anchorage.pki.plugins.module_utils._trust.policies import firefox as firefox_policies
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.scratch_debian import anchor_of

ROOT = make_root("Lab root")
ANCHOR = anchor_of(ROOT)
LIMITED = Anchor(ANCHOR.name, ANCHOR.pem, ("corp.example", "localhost"))
SECOND = anchor_of(make_root("Second root"))
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


class Host:
    """The folders of a host with the browsers that a test installs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("var/run", "var/lib", "etc"):
            (root / folder).mkdir(parents=True)
        self.firefox = root / "etc/firefox/policies/policies.json"
        self.chromium = root / "etc/chromium/policies/managed/00-anchorage.json"

    def install_firefox(self, folder: str = "usr/lib/firefox") -> Path:
        """Return the policies.json of the installation's own, which is still to be made."""
        self.put(f"{folder}/application.ini", "[App]\n")
        return self.root / folder / "distribution/policies.json"

    def install_chromium(self) -> None:
        (self.root / "usr/lib/chromium").mkdir(parents=True)

    def put(self, path: str | Path, content: str | bytes, mode: int = 0o644) -> Path:
        file = self.root / path
        file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(mode)
        return file

    def picture(self) -> dict[str, tuple[int, bytes]]:
        """Every file, link and folder with its mode and content; the lock that all runs share left out."""
        paths = [path for path in sorted(self.root.rglob("*")) if path != self.root / trust.LOCK_FILE]
        return {str(path): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"") for path in paths}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "host")


def apply(operation: str, host: Host, anchor: Anchor = ANCHOR, **options: Any) -> list[trust.Report]:
    umask = os.umask(0o077)  # the strictest user's
    try:
        return trust.apply(operation, anchor, ["policies"], root=str(host.root), **options)
    finally:
        os.umask(umask)


def settle(operation: str, host: Host, anchor: Anchor = ANCHOR) -> list[trust.Report]:
    """Apply, and see that every store got there, and that a second run changes nothing."""
    reports = apply(operation, host, anchor)
    state = {"install": "trusted", "remove": "absent"}[operation]
    assert {report.state for report in reports} == {state}, [report.evidence for report in reports]
    before = host.picture()
    assert not any(report.changed for report in apply(operation, host, anchor))
    assert host.picture() == before
    return reports


def installed(file: Path) -> list[str]:
    entries: list[str] = json.loads(file.read_text())["policies"]["Certificates"]["Install"]
    return entries


# --- which files


def test_without_a_browser_nothing_is_made(host: Host) -> None:
    with pytest.raises(HostError, match=r"Looked for: .*\(Firefox\).*\(Chromium\).*\(Brave\)"):
        apply("install", host)


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
def test_each_browser_gets_its_file_and_no_other(host: Host, mark: str, file: str) -> None:
    host.put(mark, "")
    before = host.picture()
    settle("install", host)
    written = list((host.root / "etc").rglob("*.json"))
    assert written == [host.root / file]
    assert written[0].stat().st_mode & 0o777 == 0o644
    settle("remove", host)
    assert host.picture() == before


def test_a_flatpak_is_told_the_path_inside_its_sandbox(host: Host) -> None:
    host.put("var/lib/flatpak/app/org.mozilla.firefox/current", "")
    settle("install", host)
    folder = host.root / firefox_policies.FLATPAK.lstrip("/")
    assert installed(folder / "policies.json") == [f"/app/etc/firefox/policies/{ANCHOR.name}.pem"]
    assert (folder / f"{ANCHOR.name}.pem").read_bytes() == pem_of(ROOT)


def test_an_installations_own_policies_are_not_hidden_by_new_ones_of_the_system(host: Host) -> None:
    own, other = host.install_firefox(), host.install_firefox("opt/firefox")
    host.put(own, '{"policies": {"DisableTelemetry": true}}')
    before = host.picture()
    settle("install", host)
    assert not host.firefox.exists()
    assert installed(own) == [f"/usr/lib/firefox/distribution/{ANCHOR.name}.pem"]
    assert installed(other) == [f"/opt/firefox/distribution/{ANCHOR.name}.pem"]
    settle("remove", host)
    assert host.picture() == before


def test_policies_of_the_system_and_of_an_installation_are_both_fed(host: Host) -> None:
    own = host.put(host.install_firefox(), '{"policies": {}}')
    host.put(host.firefox, '{"policies": {"Certificates": {"Install": []}}}')
    host.put("var/lib/flatpak/app/org.mozilla.firefox/current", "")
    names = ["firefox policies", "policies of /usr/lib/firefox", "firefox policies of Flatpak"]
    for _once_more in range(2):
        assert [report.name for report in apply("install", host)] == names
    assert [len(installed(file)) for file in (own, host.firefox)] == [1, 1]


# --- browsers that are gone


@pytest.mark.parametrize("gone", ["usr/lib/firefox", "usr/lib/chromium", "var/lib/flatpak/app/org.mozilla.firefox"])
@pytest.mark.parametrize(
    "before", [None, '{"CACertificates": ["AAAA"], "policies": {"Certificates": {"Install": []}}}']
)
def test_policies_of_a_browser_that_was_uninstalled_are_cleared(host: Host, gone: str, before: str | None) -> None:
    host.put(f"{gone}/application.ini", "")
    file = host.firefox if "lib/firefox" in gone else host.chromium.with_name("corporate.json")
    if "flatpak" in gone:
        file = host.root / firefox_policies.FLATPAK.lstrip("/") / "policies.json"
    if before is not None:
        host.put(file, before)
    picture = host.picture()
    settle("install", host)
    (host.root / gone).rename(host.root / "moved")
    assert [report.state for report in apply("inspect", host)] == ["trusted"]
    apply("remove", host)
    (host.root / "moved").rename(host.root / gone)
    assert host.picture() == picture


def test_an_installations_folder_that_an_uninstallation_leaves_is_cleared(host: Host) -> None:
    own = host.put(host.install_firefox(), '{"policies": {"DisableTelemetry": true}}')
    settle("install", host)
    (own.parent.parent / "application.ini").unlink()
    reports = apply("remove", host)
    assert [(report.name, report.state) for report in reports] == [("policies of /usr/lib/firefox", "absent")]
    assert os.listdir(own.parent) == ["policies.json"]
    assert own.read_text() == '{"policies": {"DisableTelemetry": true}}'


def test_debians_folder_that_an_uninstallation_leaves_is_cleared(host: Host) -> None:
    """There, an installation's folder of policies is a link, and what it leads to stays."""
    host.install_firefox("usr/lib/firefox-esr")
    host.put("usr/share/firefox-esr/distribution/policies.json", '{"policies":{"DisableTelemetry":true}}')
    (host.root / "usr/lib/firefox-esr/distribution").symlink_to("../../share/firefox-esr/distribution")
    before = host.picture()
    settle("install", host)
    installation = (host.root / "usr/lib/firefox-esr").rename(host.root / "moved")
    reports = apply("inspect", host)
    assert [(each.name, each.state) for each in reports] == [("policies of /usr/share/firefox-esr", "trusted")]
    apply("remove", host)
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
def test_policies_without_anchors_make_no_browser(host: Host, file: str, content: str) -> None:
    host.put(file, content)
    with pytest.raises(HostError, match="no trust store"):
        apply("inspect", host)


# --- merged, and restored


@pytest.mark.parametrize("content", FOREIGN)
def test_firefox_keeps_everything_else_and_removal_restores_each_byte(host: Host, content: str) -> None:
    host.install_firefox()
    host.put(host.firefox, content)
    before = host.picture()
    settle("install", host)
    merged = json.loads(host.firefox.read_text())
    assert merged["policies"]["Certificates"]["Install"][-1] == f"/etc/firefox/policies/{ANCHOR.name}.pem"
    merged["policies"]["Certificates"]["Install"].pop()
    former = json.loads(content)
    assert list(merged)[: len(former)] == list(former)
    assert merged.get("comment") == former.get("comment")
    for name, policy in former.get("policies", {}).items():
        assert name == "Certificates" or merged["policies"][name] == policy
    settle("remove", host)
    assert host.picture() == before


def test_the_layout_of_the_file_is_kept(host: Host) -> None:
    host.install_firefox()
    host.put(host.firefox, '{\n\t"policies": {\n\t\t"Install": 1\n\t}\n}')
    settle("install", host)
    text = host.firefox.read_text()
    assert text.startswith('{\n\t"policies": {\n\t\t"Install": 1,\n\t\t"Certificates": {')
    assert text.endswith("}")


def test_mode_and_owner_are_kept_and_the_record_is_private(host: Host) -> None:
    host.install_firefox()
    host.put(host.firefox, '{"policies": {"Proxy": "secret"}}', mode=0o664)
    settle("install", host)
    assert host.firefox.stat().st_mode & 0o7777 == 0o664
    (record,) = (host.root / "var/lib/anchorage/policies").iterdir()
    assert record.stat().st_mode & 0o7777 == 0o600


def test_policies_closed_to_users_are_not_opened(host: Host) -> None:
    host.install_firefox()
    host.put(host.firefox, '{"policies": {}}', mode=0o600)
    before = host.picture()
    (report,) = apply("install", host)
    assert (report.state, report.changed) == ("failed", False)
    assert f"but {host.firefox} is closed to other users" in report.evidence[0]
    assert host.picture() == before


def test_several_anchors_come_and_go_in_any_order(host: Host) -> None:
    host.install_firefox()
    host.install_chromium()
    host.put(host.firefox, FOREIGN[3])
    before = host.picture()
    settle("install", host)
    settle("install", host, SECOND)
    assert len(json.loads(host.chromium.read_text())["CACertificates"]) == 2
    settle("remove", host)
    assert {report.state for report in apply("inspect", host, SECOND)} == {"trusted"}
    settle("install", host)
    settle("remove", host, SECOND)
    settle("remove", host)
    assert host.picture() == before


def test_a_file_that_others_have_edited_since_keeps_their_work(host: Host) -> None:
    host.install_firefox()
    host.put(host.firefox, '{"policies": {"Certificates": {}}}')
    settle("install", host)
    edited = json.loads(host.firefox.read_text())
    edited["policies"]["DisableTelemetry"] = True
    host.put(host.firefox, json.dumps(edited, indent=4))
    settle("remove", host)
    assert host.firefox.read_text() == (
        '{\n    "policies": {\n        "Certificates": {},\n        "DisableTelemetry": true\n    }\n}'
    )
    assert not (host.root / "var/lib/anchorage").exists()


def test_a_file_that_was_replaced_since_is_what_removal_restores(host: Host) -> None:
    host.install_firefox()
    host.put(host.firefox, '{"policies": {"Old": 1}}')
    settle("install", host)
    host.put(host.firefox, '{"policies":{"New":1}}')
    assert [report.state for report in apply("inspect", host)] == ["stale"]
    settle("install", host)
    settle("remove", host)
    assert host.firefox.read_text() == '{"policies":{"New":1}}'


def test_without_the_record_nothing_empty_is_left(host: Host) -> None:
    host.install_firefox()
    host.install_chromium()
    settle("install", host)
    for record in (host.root / "var/lib/anchorage/policies").iterdir():
        record.write_text("{")
    settle("remove", host)
    assert not host.firefox.exists()
    assert not host.chromium.exists()


def test_a_link_stays_a_link(host: Host) -> None:
    host.install_firefox()
    real = host.put("srv/policies.json", '{"policies": {}}')
    host.firefox.parent.mkdir(parents=True)
    host.firefox.symlink_to(real)
    settle("install", host)
    assert host.firefox.is_symlink()
    assert len(installed(real)) == 1
    settle("remove", host)
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
        ('{"policies": {"A": 1}, "policies": {"B": 2}}', 'has the key "policies" twice in one object: mend it'),
        ('{"policies": {"A": {"B": 1, "B": 1}}}', 'has the key "B" twice in one object: mend it'),
        ('{"policies": []}', "policies is not an object: mend it"),
        ('{"policies": {"Certificates": {"Install": "a"}}}', "policies.Certificates.Install is not a list: mend it"),
    ],
)
@pytest.mark.parametrize("operation", ["install", "remove", "inspect"])
def test_what_firefox_cannot_read_is_refused_and_left(
    host: Host, content: str | bytes, reason: str, operation: str
) -> None:
    host.install_firefox()
    host.put(host.firefox, content)
    before = host.picture()
    (report,) = apply(operation, host)
    assert (report.state, report.changed) == ("failed", False)
    assert len(report.evidence) == 1
    assert reason in report.evidence[0]
    assert str(host.firefox) in report.evidence[0]
    assert host.picture() == before


def test_a_folder_that_everybody_may_write_is_refused(host: Host) -> None:
    host.install_firefox()
    host.firefox.parent.mkdir(parents=True)
    host.firefox.parent.chmod(0o777)
    before = host.picture()
    (report,) = apply("install", host)
    assert report.state == "failed"
    assert "is writable by all users" in report.evidence[0]
    assert host.picture() == before


def test_a_proof_that_fails_leaves_nothing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.install_firefox()
    before = host.picture()

    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device", "anchor")

    monkeypatch.setattr(firefox_policies, "write_public", fail)
    (report,) = apply("install", host)
    assert (report.state, report.changed) == ("failed", False)
    assert "No space left on device. Nothing is left of the attempt." in report.evidence[0]
    assert host.picture() == before


# --- told apart by content


def test_an_administrators_own_entry_counts_and_goes(host: Host) -> None:
    host.install_firefox()
    corporate = host.put("srv/corporate.crt", der_of(ROOT))
    host.put(host.firefox, '{"policies":{"Certificates":{"Install":["/srv/corporate.crt","/srv/other.crt"]}}}')
    assert not any(report.changed for report in apply("install", host))
    settle("remove", host)
    assert host.firefox.read_text() == '{"policies": {"Certificates": {"Install": ["/srv/other.crt"]}}}'
    assert corporate.exists()


def test_an_entry_without_a_folder_is_found_where_firefox_looks(host: Host) -> None:
    host.install_firefox()
    host.put("usr/lib/mozilla/certificates/corporate.pem", pem_of(ROOT))
    host.put(host.firefox, '{"policies": {"Certificates": {"Install": ["corporate.pem"]}}}')
    assert [report.state for report in apply("inspect", host)] == ["trusted"]


@pytest.mark.parametrize("damage", ["missing file", "other content", "closed file", "missing entry"])
@pytest.mark.parametrize("operation", ["install", "remove"])
def test_what_is_half_there_is_stale_and_mended(host: Host, damage: str, operation: str) -> None:
    host.install_firefox()
    before = host.picture()
    settle("install", host)
    own = host.firefox.parent / f"{ANCHOR.name}.pem"
    if damage == "missing file":
        own.unlink()
    elif damage == "other content":
        own.write_bytes(pem_of(make_root("Another")))
    elif damage == "closed file":
        own.chmod(0o600)
    else:
        host.put(host.firefox, '{"policies": {}}')
    assert [report.state for report in apply("inspect", host)] == ["stale"]
    settle(operation, host)
    if operation == "remove" and damage != "missing entry":
        assert host.picture() == before


def test_removal_says_that_profiles_keep_their_copies(host: Host) -> None:
    host.install_firefox()
    settle("install", host)
    (report,) = apply("remove", host)
    assert "profiles keep what a policy once installed" in report.evidence[0]


# --- Chromium


def test_chromium_holds_an_anchor_to_its_domains(host: Host) -> None:
    host.install_chromium()
    (report,) = settle("install", host, LIMITED)
    entry = {"certificate": BASE64, "constraints": {"permitted_dns_names": ["corp.example", "localhost"]}}
    assert json.loads(host.chromium.read_text()) == {"CACertificatesWithConstraints": [entry]}
    assert report.evidence == (f"{host.chromium} has Chromium trust it, for corp.example, localhost",)


def test_chromium_trusts_an_anchor_without_limits_as_it_is(host: Host) -> None:
    host.install_chromium()
    settle("install", host)
    assert json.loads(host.chromium.read_text()) == {"CACertificates": [BASE64]}


def test_anchors_with_and_without_limits_share_the_file(host: Host) -> None:
    host.install_chromium()
    before = host.picture()
    settle("install", host, LIMITED)
    settle("install", host, SECOND)
    settle("remove", host, LIMITED)
    assert list(json.loads(host.chromium.read_text())) == ["CACertificates"]
    settle("remove", host, SECOND)
    assert host.picture() == before


def test_an_anchor_goes_into_the_list_that_chromium_takes(host: Host) -> None:
    host.install_chromium()
    corporate = host.put(host.chromium.parent / "corporate.json", '{"CACertificates": ["AAAA"], "B": 1}')
    before = host.picture()
    settle("install", host)
    assert json.loads(corporate.read_text()) == {"CACertificates": ["AAAA", BASE64], "B": 1}
    assert not host.chromium.exists()
    settle("remove", host)
    assert host.picture() == before


def test_a_list_that_hides_ours_later_is_found(host: Host) -> None:
    host.install_chromium()
    settle("install", host)
    corporate = host.put(host.chromium.parent / "corporate.json", '{"CACertificates": []}')
    (report,) = apply("inspect", host)
    assert report.state == "stale"
    assert f"names it in vain: Chromium takes CACertificates from {corporate}" in report.evidence[0]
    settle("install", host)
    assert json.loads(corporate.read_text()) == {"CACertificates": [BASE64]}
    settle("remove", host)
    assert not host.chromium.exists()
    assert json.loads(corporate.read_text()) == {"CACertificates": []}


def test_other_files_of_chromium_need_not_be_read(host: Host) -> None:
    host.install_chromium()
    host.put(host.chromium.parent / "other.json", "not JSON")
    settle("install", host)


def test_a_file_that_sets_the_policy_in_bad_json_is_refused(host: Host) -> None:
    host.install_chromium()
    host.put(host.chromium.parent / "other.json", '{"CACertificates": [')
    (report,) = apply("install", host)
    assert report.state == "failed"
    assert "other.json is not valid JSON" in report.evidence[0]


@pytest.mark.parametrize("entry", [None, 1, [], {}, {"certificate": 3}, "no base64!", {"constraints": None}])
def test_odd_entries_are_nobodys_anchor_and_stay(host: Host, entry: Any) -> None:
    host.install_chromium()
    file = host.put(host.chromium.parent / "odd.json", json.dumps({"CACertificatesWithConstraints": [entry]}))
    settle("install", host, LIMITED)
    settle("remove", host, LIMITED)
    assert json.loads(file.read_text()) == {"CACertificatesWithConstraints": [entry]}


CONSTRAINTS = [None, "corp.example", [], {"permitted_dns_names": None}, {"permitted_dns_names": [1, {}]}]


@pytest.mark.parametrize("constraints", CONSTRAINTS)
def test_odd_limits_of_the_anchor_are_told_and_go_with_it(host: Host, constraints: Any) -> None:
    host.install_chromium()
    entry = {"certificate": BASE64, "constraints": constraints}
    file = host.put(host.chromium.parent / "odd.json", json.dumps({"CACertificatesWithConstraints": [entry], "A": 1}))
    (report,) = apply("inspect", host)
    assert report.state == "stale"
    assert f"{file} names it in vain" in report.evidence[0]
    settle("install", host, LIMITED)
    settle("remove", host)
    assert json.loads(file.read_text()) == {"CACertificatesWithConstraints": [], "A": 1}


def test_an_anchor_may_be_limited_to_networks(host: Host) -> None:
    host.install_chromium()
    entry = {"certificate": BASE64, "constraints": {"permitted_cidrs": ["10.0.0.0/8"]}}
    file = host.put(host.chromium.parent / "a.json", json.dumps({"CACertificatesWithConstraints": [entry]}))
    (report,) = apply("inspect", host)
    assert (report.state, report.evidence) == ("trusted", (f"{file} has Chromium trust it, for 10.0.0.0/8",))


# --- check mode, and former anchors


@pytest.mark.parametrize("operation", ["install", "remove"])
def test_check_mode_foresees_and_changes_nothing(host: Host, operation: str) -> None:
    host.install_firefox()
    host.install_chromium()
    if operation == "remove":
        settle("install", host, LIMITED)
    before = host.picture()
    foreseen = apply(operation, host, LIMITED, check_mode=True)
    assert host.picture() == before
    done = apply(operation, host, LIMITED)
    assert [(each.state, each.changed) for each in foreseen] == [(each.state, each.changed) for each in done]
    assert [each.evidence[0].replace("would have", "has").replace("would name", "names") for each in foreseen][1] == (
        done[1].evidence[0]
    )


def test_a_former_anchor_goes_with_the_next(host: Host) -> None:
    host.install_firefox()
    host.install_chromium()
    settle("install", host)
    reports = apply("install", host, SECOND, superseded=[ANCHOR])
    assert [report.state for report in reports] == ["trusted", "trusted"]
    assert {report.state for report in apply("inspect", host)} == {"absent"}


@pytest.mark.parametrize("step", range(1, 7))
def test_what_a_kill_leaves_is_healed(host: Host, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write in turn is the last one that happens: no way back runs, as with kill -9."""
    host.install_firefox()
    host.install_chromium()
    host.put(host.firefox, FOREIGN[4])
    before = host.picture()
    kill_at(step, monkeypatch)
    with suppress(KeyboardInterrupt):
        settle("install", host)
        settle("remove", host)
        raise AssertionError("there are fewer steps than that")
    monkeypatch.undo()
    settle("install", host)
    settle("remove", host)
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
