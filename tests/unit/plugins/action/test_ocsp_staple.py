# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action ocsp_staple from a task's arguments to its result, with a host that is a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants
from ansible_collections.anchorage.pki.plugins.action.ocsp_staple import ActionModule
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import Answer
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import fingerprint
from ansible_collections.anchorage.pki.tests.unit.foreign_authority import DAY, URL, ForeignAuthority
from ansible_collections.anchorage.pki.tests.unit.roots import make_root, pem_of
from ansible_collections.anchorage.pki.tests.unit.staple_host import StapleHost
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import TLSFeature, TLSFeatureType, ocsp

APP = {"name": "app", "certificate": "/etc/ssl/app.pem"}


class Action(ActionModule):
    """The action on a host of the test's own, and with files of the controller's in a dictionary."""

    def __init__(self, host: StapleHost, files: dict[str, bytes], arguments: dict[str, Any], **mode: bool) -> None:
        task = {"args": arguments, "async_val": 0, "check_mode": False, "diff": False, "environment": None, **mode}
        self._task = SimpleNamespace(delegate_to=None, **task)
        self._host, self._files = host, files
        self.messages: list[dict[str, Any]] = []

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        arguments = self.validate_argument_spec(self.ARGUMENT_SPEC, **self.CONDITIONS)[1]
        return self.act(arguments, task_vars or {"inventory_hostname": "web1"})

    def controller_file(self, option: str, name: str, largest: int) -> tuple[str, bytes]:
        return name, self._files[name]

    def look_at_host(self, program: Any, module: str, arguments: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        assert "inspect" in arguments
        return self.call_host(module, arguments, task_vars)

    def call_host(self, module: str, arguments: dict[str, Any], task_vars: Any, secret: bool = False) -> dict[str, Any]:
        assert (module, secret) == ("staple_deployment", False)
        self.messages.append(arguments)
        return self._host(arguments)


@pytest.fixture
def foreign() -> ForeignAuthority:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(timezone.utc).replace(microsecond=0)
    return ForeignAuthority(make_root("Corporate", key=key, not_before=now - DAY, not_after=now + 400 * DAY), key, now)


@pytest.fixture
def leaf(foreign: ForeignAuthority) -> x509.Certificate:
    return foreign.leaf(serial=1000)


@pytest.fixture
def host(foreign: ForeignAuthority, leaf: x509.Certificate) -> StapleHost:
    return StapleHost(
        {"/etc/ssl/app.pem": (leaf, foreign.certificate)}, lambda question: foreign.answer(question, leaf)
    )


@pytest.fixture
def run(host: StapleHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """A function that runs the task with these options, in a run of its own."""

    def start(files: dict[str, bytes] | None = None, mode: dict[str, bool] | None = None, **options: Any) -> Any:
        folder = tmp_path / str(len(host.calls))
        folder.mkdir(exist_ok=True)
        monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(folder))
        given = {name: value for name, value in {**APP, **options}.items() if value is not None}
        return Action(host, files or {}, given, **(mode or {})).run()

    return start


def test_a_staple_is_got_deployed_and_left_alone(run, host: StapleHost, leaf, foreign: ForeignAuthority) -> None:
    result = run()
    assert (result["changed"], result["others"]) == (True, ["/etc/pki/anchorage-staples/left-over"])
    assert result["activation"]["reloaded"]
    (entry,) = result["certificates"]
    begin, hour = foreign.now - timedelta(hours=1), timedelta(hours=1)
    assert entry == {
        "name": "app",
        "action": "staple",
        "reason": "nothing is deployed yet",
        "changed": True,
        "path": "/etc/pki/anchorage-staples/app",
        "certificate": "/etc/ssl/app.pem",
        "generation": 1,
        "status": "good",
        "fingerprint": fingerprint(leaf),
        "not_after": f"{leaf.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
        "url": URL,
        "staple": {
            "this_update": f"{begin:%Y-%m-%dT%H:%M:%SZ}",
            "next_update": f"{foreign.now + 7 * DAY:%Y-%m-%dT%H:%M:%SZ}",
            "renew_at": f"{begin + (7 * DAY + hour) / 2:%Y-%m-%dT%H:%M:%SZ}",
        },
        "failures": 0,
        "failure": "",
        "next_attempt": "",
        "withdrawal": "installed",
    }
    again = run()
    assert again["changed"] is False
    assert again["certificates"] == [
        {**entry, "action": "none", "changed": False, "reason": again["certificates"][0]["reason"]}
    ]
    assert host.calls == ["inspect", "fetch", "deploy", "inspect"]
    assert again["warnings"] == ["a notice"]


def test_check_mode_asks_nobody_and_tells_what_would_be(run, host: StapleHost) -> None:
    planned = run(mode={"check_mode": True, "diff": True})
    assert host.calls == ["inspect"]
    assert [(entry["action"], entry["generation"]) for entry in planned["certificates"]] == [("staple", 0)]
    assert planned["diff"]["before_header"] == "staples in /etc/pki/anchorage-staples"
    done = run(mode={"diff": True})
    assert planned["diff"] == done["diff"]
    assert planned["changed"] is done["changed"] is True
    assert done["diff"]["before"] == "app: nothing\n"
    assert done["diff"]["after"].startswith("app: generation 1 for certificate ")
    assert done["diff"]["after"].endswith(", a new staple (nothing is deployed yet)\n")
    unchanged = run(mode={"diff": True})["diff"]
    assert unchanged["before"] == unchanged["after"]


def test_check_mode_says_of_what_it_would_fail(run, host: StapleHost) -> None:
    """An earlier task of the same run may put the certificate there."""
    certificates = [APP, {"name": "b", "certificate": "/etc/ssl/b.pem"}]
    options = {"name": None, "certificate": None, "certificates": certificates}
    planned = run(mode={"check_mode": True}, **options)
    assert [entry["action"] for entry in planned["certificates"]] == ["staple", "none"]
    assert planned["certificates"][1]["fingerprint"] == ""
    assert planned["warnings"][-1] == (
        "The run will fail unless an earlier task puts that right: 'b': /etc/ssl/b.pem: there is no such file."
    )


def test_a_failure_is_a_warning_whether_or_not_there_is_a_staple(run, host: StapleHost, foreign, leaf) -> None:
    answering = host.responder
    host.responder = lambda question: Answer(question.name, failure="connection refused", transient=True)
    first = run()
    assert (first["changed"], "failed" in first) == (True, False)
    assert first["warnings"][-1] == "app on web1 got no new staple: connection refused. It has none now."
    (entry,) = first["certificates"]
    assert (entry["action"], entry["status"], entry["staple"], entry["generation"]) == ("staple", "none", None, 1)
    assert (entry["failures"], entry["failure"]) == (1, "connection refused")
    assert entry["next_attempt"] > f"{foreign.now:%Y-%m-%dT%H:%M:%SZ}"
    paused = run()
    assert paused["changed"] is False
    assert paused["certificates"][0]["reason"].endswith(" UTC on: connection refused")
    assert paused["warnings"] == ["a notice", f"app on web1 has no staple: {paused['certificates'][0]['reason']}."]
    # The user mends the task.
    asked = len(host.questions)
    assert run(allow_private=True)["certificates"][0]["failures"] == 2
    assert len(host.questions) == asked + 1
    host.staples["app"] = replace(host.staples["app"], failures=1)

    due = foreign.response(leaf, begins=-8 * DAY)
    host.staples["app"] = replace(host.staples["app"], staple=due, next_attempt=0)
    noted = run()
    assert (noted["changed"], noted["certificates"][0]["action"], noted["certificates"][0]["status"]) == (
        False,
        "note",
        "good",
    )
    assert f"The one that it has stays, until {foreign.now + 7 * DAY:%Y-%m-%d %H:%M} UTC." in noted["warnings"][-1]
    assert host.staples["app"].failures == 2

    host.responder = answering
    host.staples["app"] = replace(host.staples["app"], staple=b"", next_attempt=0)
    assert run()["certificates"][0]["status"] == "good"


def test_a_certificate_that_demands_a_staple_and_has_none_is_warned_of(run, host: StapleHost, foreign) -> None:
    must = foreign.leaf(urls=[], extensions=[TLSFeature([TLSFeatureType.status_request])])
    host.files["/etc/ssl/app.pem"] = (must, foreign.certificate)
    result = run()
    assert result["warnings"][-1] == (
        "app on web1 has no staple, and says that clients are to refuse it without one (must-staple)."
    )
    assert result["certificates"][0]["url"] == ""


@pytest.mark.parametrize("mode", [{}, {"check_mode": True}])
def test_a_revoked_certificate_fails_the_task_once_all_else_is_done(run, host, foreign, leaf, mode) -> None:
    other = foreign.leaf("b.test")
    host.files["/etc/ssl/b.pem"] = (other, foreign.certificate)
    certificates = [APP, {"name": "b", "certificate": "/etc/ssl/b.pem"}]
    options = {"name": None, "certificate": None, "certificates": certificates}
    host.responder = lambda question: foreign.answer(question, leaf, other)
    run(**options)
    due = foreign.response(leaf, begins=-8 * DAY)
    host.staples = {name: replace(staple, staple=due) for name, staple in host.staples.items()}
    revoked = foreign.response(leaf, status=ocsp.OCSPCertStatus.REVOKED)
    host.responder = lambda question: (
        Answer("app", revoked) if question.name == "app" else foreign.answer(question, other)
    )
    result = run(**options)
    assert result["failed"]
    assert result["changed"]
    at = f"{foreign.now - DAY:%Y-%m-%d %H:%M} UTC"
    assert result["msg"] == (
        f"app (/etc/ssl/app.pem): the certificate was revoked at {at}. "
        "No staple is served with it any more. Replace the certificate and its key."
    )
    assert [(entry["action"], entry["status"]) for entry in result["certificates"]] == [
        ("unstaple", "revoked"),
        ("staple", "good"),
    ]
    assert host.staples["app"].staple == b""
    # It stays so, without a request, until the certificate is another one.
    calls = len(host.calls)
    again = run(mode=mode, **options)
    assert (again["failed"], again["changed"], again["msg"]) == (True, False, result["msg"])
    assert host.calls[calls:] == ["inspect"]
    host.files["/etc/ssl/app.pem"] = (foreign.leaf(urls=[]), foreign.certificate)
    assert "failed" not in run(mode=mode, **options)


def test_a_certificate_that_cannot_be_read_fails_the_task_once_all_else_is_done(run, host: StapleHost) -> None:
    run()
    served = host.staples["app"].staple
    host.files["/etc/ssl/b.pem"] = host.files.pop("/etc/ssl/app.pem")
    certificates = [APP, {"name": "b", "certificate": "/etc/ssl/b.pem"}]
    result = run(name=None, certificate=None, certificates=certificates)
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["msg"] == "'app': /etc/ssl/app.pem: there is no such file."
    unread, stapled = result["certificates"]
    assert (unread["action"], unread["changed"], unread["failures"]) == ("none", False, 1)
    assert unread["failure"] == unread["reason"] == result["msg"]
    assert (stapled["action"], stapled["status"]) == ("staple", "good")
    # It is the host's timer that takes its staple away.
    assert host.staples["app"].staple == served


def test_a_certificate_that_is_replaced_meanwhile_has_no_staple(run, host: StapleHost) -> None:
    host.renewed = "/etc/ssl/app.pem"
    result = run()
    (entry,) = result["certificates"]
    assert (entry["status"], entry["staple"], entry["changed"]) == ("none", None, True)
    assert entry["reason"] == "the certificate was replaced while the task ran: run it again"
    assert result["warnings"][-1] == f"app: {entry['reason']}. It has no staple until then."


@pytest.mark.parametrize("operation", ["inspect", "fetch", "deploy"])
def test_what_a_host_could_not_do_is_not_said_to_be_done(run, host: StapleHost, operation: str) -> None:
    host.loses = operation
    if operation == "inspect":
        with pytest.raises(Exception, match="does not come back"):
            run()
        return
    result = run()
    assert (result["failed"], result["changed"], result["msg"]) == (True, False, "the server does not come back")
    assert [entry["changed"] for entry in result["certificates"]] == [False]


def test_an_activation_that_fails_leaves_what_was_deployed_before(run, host: StapleHost, foreign, leaf) -> None:
    run()
    host.staples["app"] = replace(host.staples["app"], unserved=("nothing reloaded it",))
    other = foreign.leaf("b.test")
    host.files["/etc/ssl/b.pem"] = (other, foreign.certificate)
    answered = {"app": foreign.response(leaf), "b": foreign.response(other)}
    host.responder = lambda question: Answer(question.name, answered[question.name])
    deploy = type(host)._deploy

    def fail_to_activate(entries: list[Any]) -> Any:
        assert host.loses == ""
        host.loses = "deploy"  # from the next call on
        return deploy(host, entries)

    host._deploy = fail_to_activate  # type: ignore[method-assign]
    certificates = [APP, {"name": "b", "certificate": "/etc/ssl/b.pem"}]
    result = run(name=None, certificate=None, certificates=certificates)
    assert (result["failed"], result["changed"]) == (True, True)
    assert [(entry["action"], entry["changed"]) for entry in result["certificates"]] == [
        ("activate", False),
        ("staple", True),
    ]


def test_staples_are_removed(run, host: StapleHost) -> None:
    run()
    removed = run(state="absent", certificate=None, mode={"diff": True})
    assert removed["certificates"] == [
        {
            "name": "app",
            "action": "remove",
            "reason": "it was there",
            "changed": True,
            "path": "/etc/pki/anchorage-staples/app",
        }
    ]
    assert removed["diff"]["before_header"] == "staples in /etc/pki/anchorage-staples"
    assert run(state="absent", certificate=None)["changed"] is False


def test_files_of_the_controller_count(run, host: StapleHost, foreign: ForeignAuthority, leaf) -> None:
    host.files["/etc/ssl/app.pem"] = (leaf,)
    files = {"app.pem": pem_of(leaf) + pem_of(foreign.certificate), "app.der": foreign.response(leaf)}
    result = run(files, src="app.pem", response="app.der", fetch_from="controller")
    assert result["certificates"][0]["status"] == "good"
    assert host.calls == ["inspect", "deploy"]
    assert host.staples["app"].staple == files["app.der"]


def test_the_host_half_gets_what_it_needs(host: StapleHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    options = {"owner": "root", "mode": "0640", "server": "nginx", "withdrawal": "off", "destination": "/srv/staples"}
    action = Action(host, {}, {**APP, **options, "activate": {"reload": ["reload"]}})
    action.run()
    for message in action.messages:
        assert {name: message[name] for name in options} == options
    activations = [message["activate"]["reload"] for message in action.messages if "fetch" not in message]
    assert activations == [["reload"]] * 2
