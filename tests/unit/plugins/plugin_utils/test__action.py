# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of what every action does with its arguments and with a host's answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants
from ansible_collections.anchorage.pki.plugins.module_utils._look.bootstrap import BEGIN, END
from ansible_collections.anchorage.pki.plugins.plugin_utils._action import PkiAction
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._escaping import escaped
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.program import LookProgram

HOSTILE = {
    "changed": False,
    "stores": [],
    "ansible_facts": {"leaf_certificate_certificates": [{"name": "x", "names": ["bank.internal"]}]},
    "ansible_stats": {},
    "add_host": {"host_name": "evil"},
    "invocation": {"module_args": {}},
}


class Action(PkiAction):
    """An action whose host answers what no host of ours would."""

    ARGUMENT_SPEC = {"options": {"type": "dict", "options": {"given": {"type": "int", "default": 1}}}}

    def __init__(self) -> None:
        self._task = SimpleNamespace(args={}, check_mode=False, diff=False, async_val=0)

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        del task_vars
        return arguments

    def _execute_module(self, **_arguments: Any) -> dict[str, Any]:
        return dict(HOSTILE)


def test_a_hosts_answer_sets_no_facts_and_adds_no_hosts() -> None:
    assert Action().call_host("anchor_deployment", {}, {}) == {"changed": False, "stores": []}


EVIL = "\x1b]0;title\x07\x1b[2Jgone\x9b1m\u202e\ud800\r"
SHOWN = r"\x1b]0;title\x07\x1b[2Jgone\x9b1m\u202e\ud800\r"


@dataclass(frozen=True)
class Warned:
    """As ansible-core keeps what a module warned of."""

    msg: str
    chain: tuple[Warned, ...] | None = None


class LoudAction(Action):
    """One whose host says what would write to the terminal of who reads it."""

    def _execute_module(self, **_arguments: Any) -> dict[str, Any]:
        warned = Warned(EVIL, (Warned(EVIL),))
        return {"failed": True, "msg": f"one\n{EVIL}", "module_stderr": EVIL, "warnings": [EVIL, warned], "stores": []}


def test_what_a_host_says_is_shown_with_its_control_characters_escaped() -> None:
    answer = LoudAction().call_host("anchor_deployment", {}, {})
    assert answer == {
        "failed": True,
        "msg": f"one\n{SHOWN}",
        "module_stderr": SHOWN,
        "warnings": [SHOWN, Warned(SHOWN, (Warned(SHOWN),))],
        "stores": [],
    }


def test_plain_words_of_a_host_are_as_they_were() -> None:
    for words in ("Grüße, 日本\n\tdone", Warned("plain"), ["a", 1, None, True], {"rc": 3}):
        assert escaped(words) == words


class DeepAction(Action):
    """One whose host nests its answer until nobody can read it."""

    def _execute_module(self, **_arguments: Any) -> dict[str, Any]:
        return dict(json.loads('{"a":' + "[" * 100_000))


def test_an_answer_that_is_nested_too_deeply_is_one_sentence_that_names_the_host() -> None:
    action = DeepAction()
    action._task.delegate_to = None
    with pytest.raises(PkiError, match=r"^The host returned a malformed result: web7 nests it too deeply\.") as caught:
        action.call_host("anchor_deployment", {}, {"inventory_hostname": "web7"})
    assert caught.value.__suppress_context__


class UnprivilegedAction(Action):
    """One whose become user is not root, by a connection and a become method."""

    def __init__(self, has_pipelining: bool, method: str, goes_with_it: bool) -> None:
        super().__init__()
        become = SimpleNamespace(name=method, pipelining=goes_with_it)
        self._play_context = SimpleNamespace(pipelining=False)
        self._connection = SimpleNamespace(has_pipelining=has_pipelining, become=become, get_option={}.__getitem__)

    def _is_pipelining_enabled(self, _style: str, _wrap_async: bool = False) -> bool:
        return bool(self._connection.has_pipelining and self._connection.become.pipelining)

    def _is_become_unprivileged(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("has_pipelining", "method", "goes_with_it", "words"),
    [
        (
            True,
            "ansible.builtin.su",
            False,
            "the become method su does not go with pipelining: .* the become method sudo",
        ),
        (False, "ansible.builtin.su", False, "the connection cannot pipeline: .* or use a connection that supports"),
        (False, "sudo", True, "the connection cannot pipeline: .* or use a connection that supports pipelining"),
    ],
)
def test_who_keeps_secrets_from_a_pipeline_is_named(
    has_pipelining: bool, method: str, goes_with_it: bool, words: str
) -> None:
    with pytest.raises(PkiError, match=f"^become_user is not root and {words}"):
        UnprivilegedAction(has_pipelining, method, goes_with_it).keep_arguments_off_disk()


def test_a_become_method_that_goes_with_pipelining_is_let() -> None:
    UnprivilegedAction(True, "sudo", True).keep_arguments_off_disk()


class LookingAction(Action):
    """The same, where a program can be sent, unless the shell is of another family."""

    def __init__(self, shell_family: str = "sh") -> None:
        super().__init__()
        self._task.delegate_to = None
        self._connection = SimpleNamespace(_shell=SimpleNamespace(SHELL_FAMILY=shell_family), _remote_is_local=True)
        self.answer: dict[str, Any] = HOSTILE
        self.modules = 0

    def _is_pipelining_enabled(self, _style: str, _wrap_async: bool = False) -> bool:
        return True

    def _compute_environment_string(self, _raw: Any = None) -> str:
        return ""

    def _low_level_execute_command(self, cmd: str, **_options: Any) -> dict[str, Any]:
        return {"rc": 0, "stdout": f"\n{BEGIN}\n{json.dumps(self.answer)}\n{END}\n", "stderr": "", "cmd": cmd}

    def _execute_module(self, **arguments: Any) -> dict[str, Any]:
        self.modules += 1
        return super()._execute_module(**arguments)

    def look(self) -> dict[str, Any]:
        task_vars = {"inventory_hostname": "host", "ansible_playbook_python": "/usr/bin/python3"}
        return self.look_at_host(LookProgram("run("), "anchor_deployment", {}, task_vars)


def test_what_a_look_answers_is_taken_as_a_modules_answer_is() -> None:
    action = LookingAction()
    assert (action.look(), action.modules) == ({"changed": False, "stores": []}, 0)
    action.answer = []  # type: ignore[assignment]
    assert (action.look(), action.modules) == ({"changed": False, "stores": []}, 1)


def test_a_shell_of_another_family_gets_a_module() -> None:
    action = LookingAction("powershell")
    action.answer = {"changed": True}
    assert (action.look(), action.modules) == ({"changed": False, "stores": []}, 1)


def test_the_interpreter_that_ansible_found_is_still_remembered() -> None:
    action = Action()
    action._discovered_interpreter_key = "discovered_interpreter_python"
    action._discovered_interpreter = "/usr/bin/python3"
    facts = {"discovered_interpreter_python": "/usr/bin/python3"}
    assert action.interpreter_facts() == {"ansible_facts": facts}
    assert Action().interpreter_facts() == {}


@pytest.mark.parametrize("setting", ["DEFAULT_DEBUG", "DEFAULT_KEEP_REMOTE_FILES"])
def test_no_key_travels_where_ansible_would_show_or_keep_it(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, setting, True)
    with pytest.raises(PkiError, match="secrets"):
        Action().call_host("leaf_deployment", {}, {}, secret=True)
