# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the process that calls Apple's libraries: what it is given, what it may cost, and how it ends."""

from __future__ import annotations

import base64
import json
import os
import platform
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.lock import LockTimeout, take_lock
from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import Mac, ask, this_mac
from ansible_collections.anchorage.pki.plugins.module_utils._macos.program import to_json
from ansible_collections.anchorage.pki.tests.macos_double.double import DoubledMac, left_over
from ansible_collections.anchorage.pki.tests.unit.macs import needs_double
from ansible_collections.anchorage.pki.tests.unit.roots import der_of, make_root

ROOT = der_of(make_root("Root"))
ADMIN = {"domains": [1]}
PATIENCE = 60.0
MODULE_UTILS = "ansible_collections/anchorage/pki/plugins/module_utils"

pytestmark = needs_double


@pytest.fixture
def double(tmp_path: Path) -> DoubledMac:
    return DoubledMac(tmp_path / "mac")


def test_the_values_of_all_keys_come_back(double: DoubledMac) -> None:
    double.trust("admin", ROOT, "policy=1.2.3;name=n;string=host;usage=8;error=5;result=3", "application=a", "any")
    (answer,) = ask(double.mac(15), "read_trust_settings", ADMIN, PATIENCE)
    nothing = {"policy": None, "policy_name": None, "key_usage": None, "result": None, "is_limited": False}
    assert answer["failure"] is None
    (certificate,) = answer["certificates"]
    assert base64.b64decode(certificate["der"]) == ROOT
    assert certificate["settings"] == [
        {"policy": "1.2.3", "policy_name": "n", "key_usage": 8, "result": 3, "is_limited": True},
        {**nothing, "is_limited": True},
        nothing,
    ]
    assert double.living == [0]


def test_a_status_comes_back_with_the_message_of_apple(double: DoubledMac) -> None:
    double.trust("admin", ROOT)
    double.order("SecTrustSettingsCopyCertificates", "admin", -25300, 1)
    message = "The specified item could not be found in the keychain."
    assert ask(double.mac(15), "read_trust_settings", ADMIN, PATIENCE) == [
        {"failure": {"code": -25300, "message": message}, "certificates": []}
    ]
    assert double.living == [0]


def test_a_process_that_hangs_is_stopped(double: DoubledMac) -> None:
    double.trust("admin", ROOT)
    double.order("SecTrustSettingsCopyTrustSettings", "admin", "hang", 1)
    started = time.monotonic()
    with pytest.raises(HostError, match=r"within 1 seconds and was stopped\. Where a keychain is locked, .*unlock it"):
        ask(double.mac(15), "read_trust_settings", ADMIN, 1.0)
    assert time.monotonic() - started < 20
    assert double.calls[-1] == "SecTrustSettingsCopyTrustSettings admin"
    assert double.living == []
    assert running_with(str(double.folder)) == []


def prompting() -> dict[str, Any]:
    """The arguments of a write that macOS has somebody confirm."""
    return {"der": base64.b64encode(ROOT).decode(), "domain": 1, "keychain": "/Library/Keychains/System.keychain"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_process_ends_with_whoever_started_it(double: DoubledMac, number: int) -> None:
    """Its prompt would wait for somebody who confirms a write that nobody looks after any more."""
    double.host(gui="on", person="nobody")
    module, arguments = ask.__module__, prompting()
    program = f"from {module} import Mac, ask; ask({double.mac(15)!r}, 'trust_certificate', {arguments!r}, 300.0)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.DEVNULL) as parent:
        wait_until(lambda: "authorize" in " ".join(double.calls))
        parent.send_signal(number)
    wait_until(lambda: running_with(f"ANCHORAGE_DOUBLE={double.folder}") == [])
    assert double.entries == []


def test_a_lock_goes_with_whoever_holds_it(double: DoubledMac, tmp_path: Path) -> None:
    """The process at a prompt has none of its descriptors, and so holds no other run up, however long it lives on."""
    double.host(gui="on", person="nobody")
    lock, arguments = str(tmp_path / "lock"), prompting()
    module, locks = ask.__module__, take_lock.__module__
    program = (
        f"from {locks} import take_lock; take_lock({lock!r}, 0)\n"
        f"from {module} import Mac, ask; ask({double.mac(15)!r}, 'trust_certificate', {arguments!r}, 300.0)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.DEVNULL) as parent:
        wait_until(lambda: "authorize" in " ".join(double.calls))
        [helper] = map(int, running_with(f"ANCHORAGE_DOUBLE={double.folder}"))
        with pytest.raises(LockTimeout):
            take_lock(lock, 0)
        os.kill(helper, signal.SIGSTOP)
        parent.kill()
    try:
        os.close(take_lock(lock, 0))
    finally:
        os.kill(helper, signal.SIGKILL)


def wait_until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def running_with(text: str) -> list[str]:
    """The processes that have a text in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if text.encode() in environment:
            found.append(process.name)
    return found


def test_a_process_that_breaks_off_says_why(double: DoubledMac) -> None:
    (double.folder / "state").write_text("damaged\n")
    said = r"^the process that asks Apple's libraries gave no whole answer \(exit status -6: The state has a line that "
    with pytest.raises(HostError, match=rf"{said}.*\. Run it again\."):
        ask(double.mac(15), "read_trust_settings", ADMIN, PATIENCE)


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("kill -KILL $$", "exit status -9"),
        ("echo \"No module named '_ctypes'\" >&2; exit 1", "exit status 1: No module named '_ctypes'"),
    ],
    ids=["without a word", "of a Python that lacks ctypes"],
)
def test_a_python_that_cannot_ask_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str, said: str
) -> None:
    lacking = tmp_path / "python"
    lacking.write_text(f"#!/bin/sh\n{ending}\n")
    lacking.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(lacking))
    with pytest.raises(HostError) as refused:
        ask(Mac((15, 1)), "read_trust_settings", ADMIN, PATIENCE)
    assert f"gave no whole answer ({said}). " in str(refused.value)
    assert "try another Python of the Mac" in str(refused.value)
    assert "ansible_python_interpreter" in str(refused.value)


def test_a_request_may_have_so_many_bytes_and_no_more(double: DoubledMac) -> None:
    mac, arguments = double.mac(15), {"ders": [], "domains": [], "keychains": [], "chain": [], "server": ""}
    room = 64 * 1024 - size_of(mac, "inspect_anchors", arguments)
    answer = ask(mac, "inspect_anchors", {**arguments, "server": "s" * room}, PATIENCE)
    assert (answer["failure"], answer["anchors"]) == (None, [])
    calls = double.calls
    for server, size in (("s" * (room + 1), 65537), ("s" * (room - 1) + "\u00e4", 65539)):
        with pytest.raises(HostError, match=rf"takes {size} bytes, and 65536 are allowed\.$"):
            ask(mac, "inspect_anchors", {**arguments, "server": server}, PATIENCE)
    assert double.calls == calls


def test_a_request_that_puts_settings_back_may_have_as_many_bytes_as_an_answer(double: DoubledMac) -> None:
    mac, largest = double.mac(15), 8 * 1024 * 1024
    room = largest - size_of(mac, "restore_settings", {"export": "", "domain": 1})
    export, number = "A" * (room // 4 * 4), int("1" * (room % 4 + 1))
    assert ask(mac, "restore_settings", {"export": export, "domain": number}, PATIENCE)["failure"]
    with pytest.raises(HostError, match=rf"takes {largest + 1} bytes, and {largest} are allowed\.$"):
        ask(mac, "restore_settings", {"export": export, "domain": 10 * number}, PATIENCE)


def size_of(mac: Mac, operation: str, arguments: dict[str, Any]) -> int:
    """How many bytes a request takes."""
    return len(ascii((operation, arguments, mac.core_foundation, mac.security)))


def test_an_answer_may_have_so_many_bytes_and_no_more(double: DoubledMac) -> None:
    largest = 8 * 1024 * 1024
    room = largest - size_of_answer(double, bytes_in_der := 6 * 1024 * 1024 - 999, "n")
    bytes_in_der += room // 4 * 3
    name = "n" * (room % 4 + 1)
    assert size_of_answer(double, bytes_in_der, name) == largest
    with pytest.raises(HostError, match=rf"its answer is longer than the {largest} bytes that are read of it\.$"):
        size_of_answer(double, bytes_in_der, f"{name}n")


def size_of_answer(double: DoubledMac, length: int, name: str) -> int:
    """How many bytes macOS answers to a read of one certificate of this length, with settings for a name."""
    (double.folder / "state").write_text("")
    double.trust("admin", b"\x30\x84" + (length - 6).to_bytes(4, "big") + bytes(length - 6), f"name={name};result=1")
    answer = ask(double.mac(15), "read_trust_settings", ADMIN, PATIENCE)
    assert answer[0]["certificates"][0]["settings"][0]["policy_name"] == name
    return len(to_json({"result": answer}))


@pytest.mark.parametrize("missing", ["core_foundation", "security"])
def test_libraries_that_are_missing_are_told(double: DoubledMac, missing: str) -> None:
    mac = double.mac(15)._replace(**{missing: "/none/such"})
    with pytest.raises(HostError, match=r"Apple's libraries cannot be used: /none/such: .*\. Run it again\."):
        ask(mac, "read_trust_settings", ADMIN, PATIENCE)


def test_a_library_without_a_function_is_told(double: DoubledMac) -> None:
    mac = double.mac(15)._replace(security=double.libraries.core_foundation)
    with pytest.raises(HostError, match=r"Apple's libraries cannot be used: .*SecCertificateCopyData"):
        ask(mac, "read_trust_settings", ADMIN, PATIENCE)


def test_objects_that_are_left_fail_a_test(double: DoubledMac) -> None:
    (double.folder / "living").write_text("0\n2\n")
    assert left_over() == [str(double.folder)]
    assert left_over() == [], "that is, none since"


def test_no_variable_names_other_libraries(double: DoubledMac, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the libraries are is said by the caller alone, and a Mac is asked with Apple's."""
    for name, value in {"ANCHORAGE_SECURITY": "double", "ANCHORAGE_DOUBLE": str(double.folder)}.items():
        monkeypatch.setenv(name, value)
    mac = this_mac()
    assert mac == Mac(mac.version)
    assert {mac.core_foundation, mac.security} == {
        f"/System/Library/Frameworks/{name}.framework/{name}" for name in ("CoreFoundation", "Security")
    }
    assert mac.environment is None


def test_a_python_for_an_older_macos_is_told_the_version_there_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It sees 10.16 in place of 11 and later, unless it is told as it starts that it shall see the real one."""
    seen = 'import os, platform\nshown = "13.7.4" if os.environ.get("SYSTEM_VERSION_COMPAT") == "0" else "10.16"\n'
    (tmp_path / "old.py").write_text(f'{seen}platform.mac_ver = lambda: (shown, ("", "", ""), "arm64")\n')
    old = tmp_path / "python"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "$(cat {tmp_path}/old.py; echo "$3")"\n')
    old.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(old))
    monkeypatch.setattr(platform, "mac_ver", lambda: ("10.16", ("", "", ""), "arm64"))
    assert this_mac().version == (13, 7, 4)


@pytest.mark.parametrize("version", ["10.15.7", "11.7.10", "15.1"])
def test_a_python_that_sees_the_version_starts_no_other(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(sys, "executable", "/none/such")
    monkeypatch.setattr(platform, "mac_ver", lambda: (version, ("", "", ""), "arm64"))
    assert this_mac().version == tuple(int(part) for part in version.split("."))


def test_no_process_but_its_own_loads_the_libraries(double: DoubledMac) -> None:
    double.trust("admin", ROOT)
    ask(double.mac(15), "read_trust_settings", ADMIN, PATIENCE)
    assert str(double.libraries.security) not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, -1, True, False, None, "", [], {}]},
        ["plain text", 'a "quote"', "back\\slash", "line\nend\x00\x7f\u2028", "\u00e4\u20ac\U0001f511", "\udc80"],
        {"key \u00e4": 2**63 - 1},
    ],
)
def test_its_answer_is_json(value: object) -> None:
    assert json.loads(to_json(value)) == value


def test_its_sources_come_from_where_the_collection_is(double: DoubledMac, tmp_path: Path) -> None:
    """Ansible runs modules from a zip file."""
    double.trust("admin", ROOT)
    top = Path(__file__).resolve().parents[5] / "plugins" / "module_utils"
    archive = tmp_path / "payload.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in top.rglob("*.py"):
            file.write(path, f"{MODULE_UTILS}/{path.relative_to(top)}")
        for folder in {parent for name in file.namelist() for parent in Path(name).parents} - {Path(".")}:
            file.writestr(f"{folder}/__init__.py", "")
    program = (
        "import json, sys\n"
        "from ansible_collections.anchorage.pki.plugins.module_utils._macos import helper\n"
        "assert '.zip' in helper.__file__\n"
        "mac = helper.Mac(*json.load(sys.stdin))\n"
        "print(json.dumps(helper.ask(mac, 'read_trust_settings', {'domains': [1]}, 60)))\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(double.mac(15)),
        env={"PYTHONPATH": str(archive), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stderr == ""
    assert [base64.b64decode(each["der"]) for each in json.loads(finished.stdout)[0]["certificates"]] == [ROOT]
