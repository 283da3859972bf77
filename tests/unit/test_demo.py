# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo: its folder and root rights, its page, and the proof that it was undone, with a test's own system store."""

from __future__ import annotations

import getpass
import os
import re
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import ansible_playbook
import browser
import contents
import proof
import pytest
import record
import root_rights
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.provisioning import carry_out, plan_provisioning
from ansible_collections.anchorage.pki.plugins.plugin_utils._trust.anchors import identify_anchor
from ansible_collections.anchorage.pki.tests.unit.leaves import free_port, make_leaf
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from cryptography.x509 import ocsp

import demo

DEMO = Path(__file__).resolve().parents[2] / "demo" / "demo.py"


@pytest.mark.parametrize("left", [None, 0, 1], ids=["none", "the renewed root", "the root in use"])
def test_every_root_that_the_demo_made_has_to_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int | None
) -> None:
    roots = [pem_of(make_root("Demo", serial=number)) for number in (1, 2)]
    folder, store = tmp_path / "demo", tmp_path / "store"
    store.mkdir()
    monkeypatch.setattr(proof, "STORE", store)
    for number, root in enumerate(roots, start=1):
        (folder / f"authority/root/{number}").mkdir(parents=True)
        (folder / f"authority/root/{number}/certificate.pem").write_bytes(root)
    made = [proof.sha256(proof.load(path)) for path in proof.roots(folder)]
    assert made == [identify_anchor(root, "test").sha256 for root in roots]
    if left is not None:
        (store / "ca-certificates.crt").write_bytes(pem_of(make_root("Other")) + roots[left])
    failures = proof.prove_gone(tmp_path / "nowhere", made)
    assert len(failures) == (0 if left is None else 1)
    assert all(f"one is still in {store}/ca-certificates.crt" in failure for failure in failures)


@pytest.mark.parametrize("there", [".", ".local", ".local/share"])
def test_only_the_folders_that_the_demo_made_go_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / there).mkdir(parents=True, exist_ok=True)
    before = sorted(tmp_path.rglob("*"))
    folder = record.demo_folder()
    record.make_folder(folder)
    record.expect_trust(folder)
    record.make_folder(folder)
    assert record.load(folder).trust
    record.remove_folder(folder)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_the_demo_made_stays_for_what_others_put_into_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    record.make_folder(record.demo_folder())
    (tmp_path / ".local/other").touch()
    record.remove_folder(record.demo_folder())
    assert sorted(tmp_path.rglob("*")) == [tmp_path / ".local", tmp_path / ".local/other"]


def test_of_a_demo_without_a_record_its_own_folder_goes_alone(tmp_path: Path) -> None:
    folder = tmp_path / "share" / "anchorage-demo"
    folder.mkdir(parents=True)
    assert record.load(folder).trust
    record.remove_folder(folder)
    assert list(tmp_path.rglob("*")) == [tmp_path / "share"]


def test_an_interruption_waits_for_the_end_of_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    through = False

    def interrupted_step() -> None:
        nonlocal through
        with record.interruption_put_off():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            through = True

    with pytest.raises(KeyboardInterrupt):
        interrupted_step()
    assert through
    assert capsys.readouterr().out == "Stopping as soon as this step is through ...\n"


#: Takes one password, as sudo does, and says what sudo says of another.
SUDO = """#!/bin/sh
case "$*" in *--stdin*) read -r password ;; esac
[ "$password" = right ] && exit 0
echo "sudo: a first line" >&2
echo "sudo: 1 incorrect password attempt" >&2
exit 1
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of programs, empty; the user is not root, and sits at a terminal."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(root_rights, "has_terminal", lambda: True)
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: "right")
    return folder


def install(program: Path, script: str) -> None:
    program.write_text(script, encoding="utf-8")
    program.chmod(0o755)


def test_root_rights_are_had_without_a_password_or_with_the_right_one(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(programs / "sudo", SUDO)
    assert root_rights.root_password("This") == "right"
    install(programs / "sudo", "#!/bin/sh\nexit 0\n")
    assert root_rights.root_password("This") is None
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (programs / "sudo").unlink()
    assert root_rights.root_password("This") is None


def test_who_cannot_become_root_is_told_so_before_anything_is_made(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusal() -> str:
        with pytest.raises(SystemExit) as refused:
            demo.run(tmp_path / "demo")
        assert not (tmp_path / "demo").exists()
        return str(refused.value)

    install(programs / "openssl", "")
    install(programs / "update-ca-certificates", "")
    assert refusal() == "sudo is missing: apt install sudo, or run this as root"
    install(programs / "sudo", SUDO)
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: "wrong")
    assert refusal().startswith("sudo did not make you root (1 incorrect password attempt), so nothing was done: ")
    monkeypatch.setattr(root_rights, "has_terminal", lambda: False)
    assert "there is no terminal to ask for your password" in refusal()


def test_the_undo_of_what_was_never_trusted_takes_no_root_rights(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(proof, "STORE", programs)
    folder = tmp_path / "above" / "demo"
    record.make_folder(folder)
    assert demo.undo(folder) == 0
    assert list(tmp_path.iterdir()) == [programs]
    assert capsys.readouterr().out == f"The demo is undone: {folder} is gone, and no root was left to remove.\n"
    record.make_folder(folder)
    record.expect_trust(folder)
    with pytest.raises(SystemExit, match="sudo is missing"):
        demo.undo(folder)
    assert record.load(folder).trust


def test_of_a_failure_the_failing_task_is_shown_and_the_log_named(tmp_path: Path) -> None:
    (tmp_path / "authority").mkdir(mode=0o777)
    (tmp_path / "authority").chmod(0o777)
    (tmp_path / ansible_playbook.LOG).write_text("TASK [of a former playbook]\n", encoding="utf-8")
    with pytest.raises(SystemExit) as failed:
        ansible_playbook.play("authority", tmp_path)
    said = str(failed.value)
    assert said.startswith("TASK [anchorage.pki.certificate_authority : ")
    assert said.count("TASK [") == 1
    assert "0777" in said
    assert "PLAY RECAP" not in said
    assert said.endswith(f"Everything Ansible said: {tmp_path / ansible_playbook.LOG}")


@pytest.fixture
def leaf(tmp_path: Path) -> Path:
    """The folder of a demo with an authority, and with a leaf, which is another one's."""
    authority, now = tmp_path / "authority", datetime.now(timezone.utc)
    authority.mkdir(mode=0o700)
    carry_out(plan_provisioning(authority, {}, "Test authority", now), Passphrases(), now)
    made = make_leaf("localhost")
    folder = proof.leaf_folder(tmp_path)
    folder.mkdir(parents=True)
    for name, content in {"cert": made.certificate, "chain": made.chain, "privkey": made.private_key}.items():
        (folder / f"{name}.pem").write_text(content, encoding="utf-8")
    (folder / "staple.der").write_bytes(made.staple)
    return folder


def test_the_page_is_there_with_its_staple_until_it_is_interrupted(
    tmp_path: Path, leaf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "anchorage-demo").symlink_to(tmp_path)
    port = free_port()
    command = [sys.executable, DEMO, "serve", str(port)]
    curl = ["curl", "--silent", "--show-error", "--cert-status", "--cacert", leaf / "chain.pem"]
    curl += ["--resolve", f"localhost:{port}:127.0.0.1", f"https://localhost:{port}/"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout
        assert server.stdout.readline() == f"https://app.localhost:{port}/ shows the demo's page until Ctrl-C.\n"
        # A browser's spare connections, on which nothing comes, keep nobody waiting.
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            seen = [subprocess.run(curl, capture_output=True, text=True, check=False) for _again in range(2)]
            taken = subprocess.run(command, capture_output=True, text=True, check=False)
        server.send_signal(signal.SIGINT)
        assert (server.wait(), server.stdout.read()) == (0, "\nStopped.\n")
    assert [(page.stdout, page.stderr) for page in seen] == [(contents.document(tmp_path).decode(), "")] * 2
    assert taken.returncode == 1
    assert taken.stderr.count("\n") == 1
    assert "make demo-serve PORT=" in taken.stderr


def test_the_page_shows_all_that_is_served_and_loads_nothing_else(tmp_path: Path, leaf: Path) -> None:
    text = contents.document(tmp_path).decode()
    assert "<td>localhost</td>" in text
    certificate, chain, root = contents.chain_of(tmp_path)
    staple = ocsp.load_der_ocsp_response((leaf / "staple.der").read_bytes())
    assert [text.index(proof.sha256(each)) for each in (certificate, *chain, root)]
    assert text.count(f"{certificate.serial_number:x}") == 2  # that of the leaf, and that which the staple is about
    assert "<td>good</td>" in text
    assert f"until {staple.next_update_utc:%Y-%m-%d %H:%M} UTC" in text
    for shown in ("<td>localhost<br>local<br>test<br>", "127.0.0.0/8<br>", "fc00::/7", "Permitted e-mail addresses"):
        assert shown in text
    assert re.findall(r"""(?:src|href|url\(|@import)[="' ]*([^"' >]*)""", text) == ["data:,"]


def test_what_others_put_into_a_certificate_is_shown_as_text() -> None:
    assert "<td>&lt;script&gt;</td>" in contents.section("&", "A.", [("B", ["<script>"])])


@pytest.mark.parametrize(
    ("environment", "user", "terminal", "expected"),
    [
        ({"DISPLAY": ":0"}, 1000, True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, 1000, True, True),
        ({"DISPLAY": ""}, 1000, True, False),
        ({"DISPLAY": ":0"}, 0, True, False),
        ({"DISPLAY": ":0"}, 1000, False, False),
        ({"BROWSER": "w3m"}, 1000, True, False),
    ],
)
def test_only_a_user_at_a_screen_is_shown_a_browser(
    environment: dict[str, str], user: int, terminal: bool, expected: bool
) -> None:
    assert browser.somebody_looks(environment, user, terminal) is expected


def test_the_page_is_served_while_the_users_browser_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, closed = tmp_path / "opened", tmp_path / "closed"
    os.mkfifo(closed)
    monkeypatch.setenv("BROWSER", f"/bin/sh -c 'echo $1 > {opened}; read _line < {closed}' sh %s")
    browser.open_page("https://app.localhost:8443/")
    deadline = time.monotonic() + 20
    while not (opened.exists() and opened.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert opened.read_text() == "https://app.localhost:8443/\n"
    closed.write_text("end\n")


@pytest.mark.parametrize(
    ("port", "told"), [("8443", "There is no demo to serve"), ("0", "not 0"), ("70000", "not 70000"), ("x", "not x")]
)
def test_what_cannot_be_served_is_refused_in_one_sentence(tmp_path: Path, port: str, told: str) -> None:
    folder = tmp_path / "demo"
    if port != "8443":
        proof.leaf_folder(folder).mkdir(parents=True)
        (proof.leaf_folder(folder) / "staple.der").touch()
    with pytest.raises(SystemExit, match=told):
        demo.serve(folder, port)
