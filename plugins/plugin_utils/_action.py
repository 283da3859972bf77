# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of every action: validates, calls the host, and is the one place where the core's errors become results."""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

from ansible import constants
from ansible.errors import AnsibleActionFail, AnsibleError, AnsibleFileNotFound
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import TooLarge, read_regular_file
from ansible_collections.anchorage.pki.plugins.module_utils._host.text import single_line
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.authority import (
    Authority,
    authority_folder,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.planned import planned_folder
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.postgresql import session
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.shared_files import fetch, join
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import check_version
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import (
    CALL_RESULT,
    AuthorityMissingError,
    HostFailedError,
    PkiError,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._escaping import escaped
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.program import (
    LookProgram,
    NoAnswerError,
    read_answer,
)
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.stub import STUB_REFUSAL, STUB_STATUS, guarded
from ansible_collections.anchorage.pki.plugins.plugin_utils._module_defaults import with_defaults
from ansible_collections.anchorage.pki.plugins.plugin_utils._variables.values import unknown_names

AUTHORITY_SPEC: dict[str, Any] = {"authority": {"type": "path"}, "ledger_url": {"type": "str"}}
PASSPHRASE_SPEC: dict[str, Any] = {
    "passphrase": {"type": "str", "no_log": True},
    "responder_passphrase": {"type": "str", "no_log": True},
    "token_pin": {"type": "str", "no_log": True},
}


# All that is taken from a host's answer: facts in it would override the inventory's variables in later tasks.
HOST_RESULT = frozenset(
    {*CALL_RESULT, "activation", "certificates", "changed", "installed", "notices", "others", "stores", "withdrawal"}
)

# As much as is shown of what a host says, in characters.
_LONGEST_REASON = 200
# The words for a Python that ansible-core searches for.
_DISCOVERED = ("auto", "auto_legacy", "auto_silent", "auto_legacy_silent")


class PkiAction(ActionBase):
    """An action of this collection. A subclass names its arguments and implements :meth:`act`."""

    ARGUMENT_SPEC: ClassVar[dict[str, Any]]
    CONDITIONS: ClassVar[dict[str, Any]] = {}

    _supports_check_mode = True
    _supports_diff = True
    _supports_async = False

    #: The folder of the authority that stands in for one that is still to be made, and the folder of that.
    _stand_in: tuple[Path, Path] | None = None

    #: What the task gives by the option ledger_url, and the session with that server, which lasts as long as the task.
    _ledger_url: str | None = None
    _sessions: ExitStack

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        # What a template left at null was not given, at any depth.
        given, shared = _given(self._task.args), {*AUTHORITY_SPEC, *PASSPHRASE_SPEC}
        self._task.args = _given(with_defaults(self._task, self._templar, given, self.ARGUMENT_SPEC, shared))
        arguments = self._validated()
        try:
            check_version()
            self._ledger_url = arguments.get("ledger_url")
            with ExitStack() as self._sessions:
                result = self.act(arguments, task_vars or {})
        except HostFailedError as error:
            result = error.result
        except PkiError as error:
            result = {"failed": True, "changed": False, "msg": str(error)}
        return {**self._as_in_the_run(result), **self.interpreter_facts()}

    def _validated(self) -> dict[str, Any]:
        """The arguments as ARGUMENT_SPEC has them. Raises AnsibleActionFail, with the likely names of unknown options,
        and without the arguments themselves, which ansible-core would print with the message, secrets included; and
        for a PIN that YAML read as a number."""
        if not isinstance(self._task.args.get("token_pin", ""), str):
            raise AnsibleActionFail(
                "token_pin: is a number to YAML, which reads 0123 as 83, and tokens lock after a few wrong PINs. Put "
                "it in quotes."
            )
        try:
            arguments: dict[str, Any] = self.validate_argument_spec(self.ARGUMENT_SPEC, **self.CONDITIONS)[1]
        except AnsibleActionFail as error:
            names = [*unknown_names(self._task.args, self.ARGUMENT_SPEC)]
            told = [name if name.endswith("?") else f"{name}." for name in names]
            raise AnsibleActionFail(" ".join([error.message, *told])) from None
        return arguments

    def _as_in_the_run(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result with the folder of the authority in place of that of the one that check mode made."""
        if self._stand_in is None:
            return result
        planned, folder = map(str, self._stand_in)
        told = {"msg": result["msg"].replace(planned, folder)} if "msg" in result else {}
        if "warnings" in result:
            # Those of a module are no text, and know nothing of the controller's folders.
            told["warnings"] = [
                warning.replace(planned, folder) if isinstance(warning, str) else warning
                for warning in result["warnings"]
            ]
        return {**result, **told}

    @abstractmethod
    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Do the task with validated ``arguments`` and return its result. Raises PkiError for the user's errors."""

    @property
    def check_mode(self) -> bool:
        return bool(self._task.check_mode)

    @property
    def diff_mode(self) -> bool:
        return bool(self._task.diff)

    def authority(self, named: str | None, task_vars: Mapping[str, Any]) -> Authority:
        """The authority in the folder that a task names. In check mode, where there is none yet, the one that
        certificate_authority planned in this run. Raises PkiError, AuthorityMissingError."""
        folder = self.authority_folder(named)
        try:
            authority = read_authority(folder)
            awaits = authority.request is not None and not authority.issuers
            return (self._planned_authority(folder) if awaits else None) or authority
        except AuthorityMissingError as error:
            planned = self._planned_authority(folder)
            if planned is not None:
                return planned
            raise AuthorityMissingError(f"{error}{_left_out(task_vars)}") from error

    def authority_folder(self, named: str | None, makes: bool = False) -> Path:
        """The folder of the authority that a task names, or ``makes``. Where controllers share its ledger, it is as the
        database has it. Raises PkiError."""
        folder = authority_folder(named, os.environ)
        url = join(folder, self._ledger_url, makes)
        if url is not None:
            self._sessions.enter_context(session(url))
            fetch(folder, url)
        return folder

    def _planned_authority(self, folder: Path) -> Authority | None:
        """The authority that stands in for the one in ``folder``, None where this run has planned none."""
        planned = planned_folder(folder, Path(constants.DEFAULT_LOCAL_TMP))
        if not (self.check_mode and planned.exists()):
            return None
        self._stand_in = planned, folder
        return read_authority(planned)

    def controller_file(self, option: str, name: str, largest: int) -> tuple[str, bytes]:
        """The path and the content of a file that an option names, and that Ansible looks for where it looks for files;
        a regular one of at most so many bytes, since a pipe, a device or a wrong path might never end. Raises
        PkiError."""
        try:
            path = str(self._find_needle("files", name))
            return path, read_regular_file(path, largest)
        except AnsibleFileNotFound as error:
            searched = ", ".join(error.paths or [name])
            raise PkiError(
                f"{option} {name}: there is no such file on the controller; looked for {searched}."
            ) from error
        except TooLarge as error:
            raise PkiError(f"{option} {path}: is larger than {largest} bytes, so that it is another file.") from error
        except OSError as error:
            raise PkiError(f"{option} {path}: cannot be read: {error.strerror}.") from error

    def call_host(
        self, module: str, arguments: dict[str, Any], task_vars: dict[str, Any], secret: bool = False
    ) -> dict[str, Any]:
        """What the host half ``module`` answers, in one round trip. A host is not trusted, so decode it. With
        ``secret``, no argument may touch the host's disk."""
        if secret:
            self.keep_arguments_off_disk()
        try:
            answer: dict[str, Any] = self._execute_module(
                module_name=f"anchorage.pki.{module}", module_args=arguments, task_vars=task_vars
            )
        except RecursionError:  # which says nothing, and of which the trace would be thousands of lines
            raise PkiError(
                f"The host returned a malformed result: {self.host_of(task_vars)} nests it too deeply. See what its "
                "Python and its shell's profile print."
            ) from None
        return _taken(answer)

    def caller(
        self,
        program: LookProgram,
        module: str,
        shared: Mapping[str, Any],
        task_vars: dict[str, Any],
        secret: bool = False,
    ) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """A function that runs the host half ``module`` with ``shared`` arguments and its own; to inspect, a look by
        ``program`` is enough. With ``secret``, what it deploys may touch no disk."""

        def call(arguments: dict[str, Any]) -> dict[str, Any]:
            message = {**shared, **arguments}
            if "inspect" in arguments:
                return self.look_at_host(program, module, message, task_vars)
            return self.call_host(module, message, task_vars, secret=secret and "deploy" in arguments)

        return call

    def look_at_host(
        self, program: LookProgram, module: str, arguments: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        """What ``program`` answers, which changes nothing on the host and costs a fraction of a module: it is sent over
        the connection's input. A host is not trusted, so decode it.

        The host half ``module`` answers instead where something is to be changed, and where a program cannot be sent or
        does not answer. A host that cannot be reached ends the task, as everywhere in Ansible.
        """
        try:
            answer = read_answer(self._output_of(program.with_arguments(arguments), task_vars))
        except NoAnswerError as error:
            Display().vv(f"A module looks at the host, as a program cannot: {error}.", host=self.host_of(task_vars))
            answer = None
        return _taken(answer) if isinstance(answer, dict) else self.call_host(module, arguments, task_vars)

    def host_of(self, task_vars: Mapping[str, Any]) -> str:
        """The name of the host that the task works on, which with ``delegate_to`` is not the play's."""
        return str(self._task.delegate_to or task_vars["inventory_hostname"])

    def _output_of(self, program: bytes, task_vars: dict[str, Any]) -> str:
        """What Python on the host writes when it runs ``program``. Raises NoAnswerError, and PkiError for no Python."""
        shell = self._connection._shell
        if getattr(shell, "SHELL_FAMILY", None) != "sh":
            raise NoAnswerError("the connection's shell is not of the family sh")
        if not self._is_pipelining_enabled("new"):
            raise NoAnswerError("pipelining is off, or does not go with this connection, become method or setting")
        # Without what site adds, which takes Python a third of its start, and which the standard library does not need.
        interpreter = self._interpreter(task_vars)
        words = [self._compute_environment_string(), interpreter, "-I", "-S", "-"]
        command = guarded(" ".join(filter(None, words)), interpreter)
        finished = self._low_level_execute_command(command, in_data=program)
        if finished["rc"] == STUB_STATUS:
            raise PkiError(STUB_REFUSAL)
        if finished["rc"] != 0:
            reason = single_line(finished["stderr"].strip().rpartition("\n")[2], _LONGEST_REASON)
            raise NoAnswerError(f"it ended with status {finished['rc']}{reason and f' and said: {reason}'}")
        return str(finished["stdout"])

    def _interpreter(self, task_vars: Mapping[str, Any]) -> str:
        """The host's Python as ansible-core would choose it for a module. Raises NoAnswerError where ansible-core would
        search for one first, which the call of a module does."""
        delegate = self._task.delegate_to
        variables = task_vars["ansible_delegated_vars"][delegate] if delegate else task_vars
        if getattr(self._connection, "_remote_is_local", False):
            return str(variables["ansible_playbook_python"])
        configured = constants.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
        try:
            interpreter = self._templar.template(configured)
        except AnsibleError:  # omitted, or to be undefined: a module says so, or finds one
            interpreter = None
        if not interpreter or interpreter in _DISCOVERED:
            interpreter = variables.get("ansible_facts", {}).get("discovered_interpreter_python")
        if not interpreter:
            raise NoAnswerError("no Python is known on the host yet")
        return str(interpreter)

    def interpreter_facts(self) -> dict[str, Any]:
        """ansible-core's own finding of a Python on the host, as part of a result: it spares later tasks the search."""
        if not getattr(self, "_discovered_interpreter_key", None):
            return {}
        return {"ansible_facts": {self._discovered_interpreter_key: self._discovered_interpreter}}

    def keep_arguments_off_disk(self) -> None:
        """Have modules sent over the connection's input. Raises PkiError where ansible-core would leave a readable
        file."""
        if constants.DEFAULT_DEBUG:
            raise PkiError(
                "ANSIBLE_DEBUG is set: ansible-core would print secrets with the module's arguments. "
                "Unset it and run again."
            )
        if constants.DEFAULT_KEEP_REMOTE_FILES:
            raise PkiError(
                "ANSIBLE_KEEP_REMOTE_FILES is set: secrets would stay in a file on the host. Unset it and run again."
            )
        if self._connection.has_pipelining:
            try:
                self._connection.get_option("pipelining")
            except KeyError:  # a connection plugin without an option of its own reads the play's setting
                self._play_context.pipelining = True
            else:
                self._connection.set_option("pipelining", True)
        if not self._is_pipelining_enabled("new") and self._is_become_unprivileged():
            connection, method = self._connection, self._connection.become
            culprit = "the connection cannot pipeline"
            way_out = "use a connection that supports pipelining"
            if connection.has_pipelining and method is not None and not method.pipelining:
                culprit = f"the become method {method.name.rpartition('.')[2]} does not go with pipelining"
                way_out = "use the become method sudo"
            raise PkiError(
                f"become_user is not root and {culprit}: secrets would lie in a file that other users may read. Become "
                f"root, or {way_out}."
            )


def _taken(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What is taken of a host's answer. What the collection decodes itself is made fit to be shown there."""
    return {key: escaped(value) if key in CALL_RESULT else value for key, value in answer.items() if key in HOST_RESULT}


def _left_out(task_vars: Mapping[str, Any]) -> str:
    """What the command line kept out of the run that may have made the authority, as a sentence after another one."""
    limit, tags = task_vars.get("ansible_limit") or "localhost", task_vars.get("ansible_run_tags") or ["all"]
    if "localhost" not in re.split("[,:]", limit):
        return f" This run is limited to some hosts; anchorage.pki.site makes one with --limit {limit},localhost."
    if "all" not in tags:
        added = ",".join([*tags, "authority"])
        return f" This run is limited to some tags; anchorage.pki.site makes one with --tags {added}."
    return ""


def _given(value: Any) -> Any:
    """``value`` without the entries of its dictionaries that are null."""
    if isinstance(value, dict):
        return {key: _given(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [_given(entry) for entry in value]
    return value
