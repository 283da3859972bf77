# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbooks on a Mac as controller and host, as far as Linux can show one: see :mod:`mac_controller`."""

from __future__ import annotations

import json
import os
import plistlib
from pathlib import Path

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos import EXPORTS
from ansible_collections.anchorage.pki.tests.macos_double.double import ALWAYS
from ansible_collections.anchorage.pki.tests.playbooks.mac_controller import (
    GID,
    HOME,
    PYTHON,
    UID,
    MacController,
    lacks,
)
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root
from cryptography.x509 import Certificate, DNSName, SubjectAlternativeName, load_pem_x509_certificate

pytestmark = pytest.mark.long

AGENT = "anchorage.pki.renewal"
AGENT_FILE = f"Library/LaunchAgents/{AGENT}.plist"
AUTHORITY = ".local/share/anchorage/authority"
LEAF = ".local/share/anchorage/certificates/app"
SETTINGS = ".local/share/anchorage/dev_machine.json"
DEV_MACHINE, UNINSTALL = "anchorage.pki.dev_machine", "anchorage.pki.uninstall"
APPLES = der_of(make_root("Apple's root"))


@pytest.fixture
def mac(private_folder: Path) -> MacController:
    if lacking := lacks():
        pytest.skip(lacking)
    return MacController(private_folder)


def load(mac: MacController) -> Certificate:
    """The leaf of the development machine."""
    return load_pem_x509_certificate((mac.home / LEAF / "current/cert.pem").read_bytes())


def changes(mac: MacController, *options: str) -> int:
    """Run dev_machine or uninstall, with success; how many tasks changed something."""
    ended = mac.run(*options)
    assert ended.status == 0, ended.output + ended.errors
    return int(ended.output.rpartition("changed=")[2].split()[0])


def test_a_development_machine_comes_renews_and_goes(mac: MacController) -> None:
    before = mac.files()
    assert changes(mac, DEV_MACHINE, "--check") > 0
    assert (mac.files(), mac.double.entries, mac.launchd.loaded) == (before, [], {})

    done = mac.run(DEV_MACHINE)
    assert done.status == 0, done.output
    assert f"renewal: daily, by the LaunchAgent {AGENT}" in done.output
    assert [(domain, words) for domain, _der, words in mac.double.entries] == [("user", " ".join(ALWAYS))]
    assert (mac.home / LEAF / "current/privkey.pem").stat().st_uid == UID
    see_agent(mac)

    asked = mac.launchd.lines("calls")
    assert changes(mac, DEV_MACHINE) == 0
    assert {call.split()[0] for call in mac.launchd.lines("calls")[len(asked) :]} == {"print"}

    see_renewals(mac)
    see_repairs(mac)

    for option in (["--check"], []):
        assert changes(mac, UNINSTALL, *option) > 0
        assert (AGENT in mac.launchd.loaded, SETTINGS in mac.files()) == (bool(option), bool(option))
    assert (mac.double.entries, mac.double.items) == ([], [])
    assert {name for name in mac.files() if not name.startswith(f"{AUTHORITY}/")} == set(before)
    assert changes(mac, UNINSTALL) == 0
    assert set(mac.double.living) == {0}


def test_a_development_machine_follows_another_root(mac: MacController) -> None:
    """As the user that it was made for, with the options that its agent keeps."""
    assert changes(mac, DEV_MACHINE, '-e{"dev_machine_names": ["mine.localhost"]}') > 0
    former = load(mac)
    steps = ("begin", "continue", "continue")
    for step, days, roots in zip(steps, (7, 7, 0), (1, 2, 1), strict=True):
        options = (f"-eanchorage_rotate_step={step}", f"-eanchorage_rotate_overlap_days={days}")
        assert changes(mac, "anchorage.pki.rotate_authority", *options) > 0
        assert [domain for domain, _der, _words in mac.double.entries] == ["user"] * roots
    leaf = load(mac)
    assert leaf.issuer != former.issuer
    names = [each.extensions.get_extension_for_class(SubjectAlternativeName).value for each in (leaf, former)]
    assert [each.get_values_for_type(DNSName) for each in names] == [["mine.localhost"]] * 2
    assert (mac.home / LEAF / "current/privkey.pem").stat().st_uid == UID
    assert changes(mac, DEV_MACHINE, '-e{"dev_machine_names": ["mine.localhost"]}') == 0


def see_agent(mac: MacController) -> None:
    """launchd has what the file says, and that is a whole agent, which depends on no PATH."""
    written = plistlib.loads((mac.home / AGENT_FILE).read_bytes())
    assert mac.files()[AGENT_FILE] == "0o644"
    assert mac.launchd.loaded == {AGENT: written}
    words, log = written["ProgramArguments"], f"{HOME}/Library/Logs/anchorage-renewal.log"
    assert (words[0], words[3], words[4]) == ("/bin/sh", f"{HOME}/{AUTHORITY}/policy.json", f"/{PYTHON}")
    assert words[-1] == f"@{HOME}/{SETTINGS}"
    assert (written["StandardOutPath"], written["StandardErrorPath"]) == (log, log)
    assert (written["StartCalendarInterval"], written["RunAtLoad"]) == ({"Hour": 12, "Minute": 0}, True)
    assert set(written["EnvironmentVariables"]) == {"ANSIBLE_COLLECTIONS_PATH"}


def see_renewals(mac: MacController) -> None:
    """The agent repairs what is due, asks for no trust, and makes no other authority."""
    staple, entries = mac.home / LEAF / "v1/staple.der", mac.double.entries
    content = staple.read_bytes()
    staple.unlink()
    renewed = mac.start_agent(AGENT)
    assert renewed.returncode == 0, renewed.stdout + renewed.stderr
    assert (staple.read_bytes(), mac.double.entries) == (content, entries)
    assert "PLAY [Have this machine trust the authority]" not in renewed.stdout.rpartition("TASK")[2]

    (mac.home / AUTHORITY).rename(mac.home / "elsewhere")
    failed = mac.start_agent(AGENT)
    assert failed.returncode != 0
    assert f"{AUTHORITY}/policy.json" in failed.stderr
    assert not (mac.home / AUTHORITY).exists()
    (mac.home / "elsewhere").rename(mac.home / AUTHORITY)


def see_repairs(mac: MacController) -> None:
    """Another file, and an agent that is not loaded, are put right, the file last: launchd has what it says."""
    path = mac.home / AGENT_FILE
    content = path.read_bytes()
    path.write_bytes(content.replace(b"<integer>12<", b"<integer>13<"))
    assert changes(mac, DEV_MACHINE) == 3
    assert path.read_bytes() == content
    see_agent(mac)
    calls = [call.split()[0] for call in mac.launchd.lines("calls") if not call.startswith("print")]
    assert calls == ["bootstrap", "bootout", "bootstrap"]

    path.unlink()  # launchd goes on with what it has loaded
    assert changes(mac, DEV_MACHINE) == 3
    see_agent(mac)

    mac.launchd.keep({})
    assert changes(mac, DEV_MACHINE, "--check") == changes(mac, DEV_MACHINE) == 1
    see_agent(mac)


def test_over_ssh_the_agent_waits_for_the_next_login(mac: MacController) -> None:
    (mac.launchd.folder / "sessions").write_text("")
    mac.double.host(gui="off")
    refused = mac.run(DEV_MACHINE)
    assert refused.status == 2
    assert "macOS lets no program do this unattended" in refused.text
    done = mac.run(DEV_MACHINE, "--skip-tags", "trust")
    assert done.status == 0, done.output
    assert f"by the LaunchAgent {AGENT}, from the next login at the screen on" in done.text
    assert "anchorage.pki.uninstall --extra-vars anchorage_hosts=localhost --ask-become-pass and delete" in done.text
    assert (mac.files()[AGENT_FILE], mac.launchd.loaded) == ("0o644", {})
    assert changes(mac, DEV_MACHINE, "--skip-tags", "trust") == 0


def test_what_launchd_does_not_load_is_said(mac: MacController) -> None:
    (mac.launchd.folder / "disabled").write_text(f"{AGENT}\n")
    failed = mac.run(DEV_MACHINE, "--skip-tags", "trust")
    assert failed.status == 2
    assert f"launchd does not load {HOME}/{AGENT_FILE}: " in failed.text
    assert f"allow it by launchctl enable gui/{UID}/{AGENT} and run this again" in failed.text


def test_root_has_no_agent(mac: MacController) -> None:
    mac.double.host(version="10.15.7", root="on", gui="off")
    done = mac.run(DEV_MACHINE, "--skip-tags", "trust", root=True)
    assert done.status == 0, done.output
    assert "renewal: none: launchd starts agents of users at the screen, not of root" in done.text
    assert mac.launchd.lines("calls") == ["print gui/0"]


def test_what_looks_tells_of_the_settings_of_whoever_asks(mac: MacController) -> None:
    mac.double.trust("system", APPLES, keychain="roots")
    assert changes(mac, DEV_MACHINE) > 0
    here = "--extra-vars=anchorage_hosts=localhost"
    by_root, by_alice = (mac.run("anchorage.pki.doctor", here, *more) for more in ([], ["-eansible_become=false"]))
    for ended, name, state in ((by_root, "macos", "absent"), (by_alice, "macos of alice", "trusted")):
        assert ended.status == 0, ended.output
        assert f"localhost {name} {state} Safari, Chrome, curl" in ended.text
    assert f"~/{LEAF}" in by_alice.output

    audited = mac.run("anchorage.pki.trust_audit", f"--extra-vars=anchorage_audit_file={HOME}/audit.json")
    assert audited.status == 0, audited.output
    assert json.loads((mac.home / "audit.json").read_text())["machines"] == {"localhost": 2}

    tasks = [
        {"anchorage.pki.native_roots_info": {}, "register": "told"},
        {"ansible.builtin.copy": {"content": "{{ both | to_json }}", "dest": f"{HOME}/both.json", "mode": "0600"}},
    ]
    both = "{{ [told.certificates, query('anchorage.pki.native_roots')] | map('map', attribute='sha256') }}"
    play = {"hosts": "localhost", "gather_facts": False, "vars": {"both": both}, "tasks": tasks}
    mac.put("Users/alice/play.yml", json.dumps([play]))
    ended = mac.run(f"{HOME}/play.yml")
    assert ended.status == 0, ended.output
    told, looked_up = json.loads((mac.home / "both.json").read_text())
    assert len(told) == 2
    assert sorted(told) == sorted(looked_up)


def test_no_authority_lies_on_a_file_server(mac: MacController) -> None:
    share = mac.root / "Volumes/share"
    share.mkdir(parents=True)
    os.chown(share, UID, GID)
    refused = mac.run("anchorage.pki.authority", "--extra-vars=anchorage_authority=/Volumes/share/authority")
    assert refused.status == 2
    assert "is on a network file system (smbfs), where SQLite's locks do not hold." in refused.text
    assert not list(share.rglob("*.pem"))


def test_nobody_changes_the_trust_of_another_at_the_screen(mac: MacController) -> None:
    """As by become_user: the session is of bob, who logged in to it, whoever runs this."""
    mac.double.host(user="502")
    refused = mac.run(DEV_MACHINE)
    assert refused.status == 2
    assert (
        "This is the session of 502 at the screen, whom macOS would ask about the trust settings of alice"
        in refused.text
    )
    assert mac.double.entries == []
    assert "authorize user" not in mac.double.calls


def test_uninstall_forgets_what_root_trusts_too(mac: MacController) -> None:
    assert changes(mac, DEV_MACHINE, "-edev_machine_renewal=false") > 0
    [(_domain, der, _words)] = mac.double.entries
    mac.double.host(root="on")
    mac.double.trust("admin", der, *ALWAYS)
    kept = mac.root / "private/var/root" / EXPORTS / "admin-0123.plist"
    kept.parent.mkdir(parents=True)
    kept.write_text("what could not be put back")
    own = mac.home / EXPORTS
    own.mkdir(parents=True)
    for folder in (own, own.parent):
        os.chown(folder, UID, GID)
    ended = mac.run(UNINSTALL)
    assert ended.status == 0, ended.output
    assert f"localhost keeps /var/root/{EXPORTS}/{kept.name}: trust settings as they were before a write" in ended.text
    assert (mac.double.entries, mac.double.items) == ([], [])
    assert (kept.exists(), own.exists()) == (True, False)


@pytest.mark.parametrize("person", ["cancel", "allow"])
def test_uninstall_asks_nobody_who_has_not_confirmed_a_second_time(mac: MacController, person: str) -> None:
    """Root's settings and alice's are two tasks, each of which macOS would ask her about."""
    assert changes(mac, DEV_MACHINE, "-edev_machine_renewal=false") > 0
    [(_domain, der, _words)] = mac.double.entries
    mac.double.trust("admin", APPLES, *ALWAYS)
    others = mac.double.entries[1:]
    mac.double.trust("admin", der, *ALWAYS)
    mac.double.host(root="on", person=person)
    entries, asked = mac.double.entries, prompts(mac)
    assert mac.run(UNINSTALL, "--check").status == 0
    assert (mac.double.entries, prompts(mac)) == (entries, asked)
    ended = mac.run(UNINSTALL)
    if person == "allow":
        assert (ended.status, mac.double.entries, prompts(mac)) == (0, others, asked + 2)
        return
    assert ended.status == 2
    assert "(errAuthorizationCanceled, -60006)" in ended.text
    assert (mac.double.entries, prompts(mac)) == (entries, asked + 1)
    assert not (mac.home / LEAF).exists(), "no key is left for that"


def prompts(mac: MacController) -> int:
    """How often macOS has asked somebody."""
    return sum(call.startswith("authorize") for call in mac.double.calls)
