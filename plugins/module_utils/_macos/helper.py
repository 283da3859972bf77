# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking a Mac's own libraries, in a process of their own: no process that has loaded CoreFoundation may fork.

The process is this very Python, started anew for each request, with its program on standard input, compiled: nothing is
written to a disk. It ends with the request, or is stopped with all its children when its time is over. Where its
parent is gone, by whatever signal, it ends by itself: a person would be asked for a write that nobody looks after.
"""

from __future__ import annotations

import json
import marshal
import os
import platform
import sys
from collections.abc import Callable, Mapping
from functools import cache
from types import CodeType, ModuleType

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import (
    LARGEST_OUTPUT,
    NotFinished,
    Outcome,
    run,
)
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError

_LARGEST_REQUEST = 64 * 1024
# All settings of a domain, which an answer brought.
_LARGEST_RESTORATION = LARGEST_OUTPUT
_LOCKED = (
    "Where a keychain is locked, macOS waits for its password: unlock it in Keychain Access, at the screen of the Mac, "
    "and run the task again."
)
_OTHER_PYTHON = (
    "Run it again. Where that does not help, try another Python of the Mac, one with ctypes: "
    "ansible_python_interpreter names that of a host."
)
# Which a Python that was built for an older macOS sees in place of 11 and later.
_ANY_LATER = (10, 16)
_AS_IT_IS = {"SYSTEM_VERSION_COMPAT": "0"}
_VERSION_TIMEOUT = 20.0  # seconds
_FRAMEWORK = "/System/Library/Frameworks/{0}.framework/{0}"
_COMMAND = "import marshal, sys; exec(marshal.load(sys.stdin.buffer))"
# What the process runs. A module that is known by its full name is imported without a look at its package.
_START = """\
modules, request, parent = marshal.load(sys.stdin.buffer)

def end_with_parent():
    import os, time
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)

import _thread
_thread.start_new_thread(end_with_parent, ())
for name, code in modules.items():
    module = sys.modules[name] = type(sys)(name)
    exec(code, module.__dict__)
module.main(*eval(request))
"""


class Mac(NamedTuple):
    """The macOS that is asked: its version, its libraries, what is added to a clean environment, its tool, and what
    is called in place of ``commands.run`` to run the process.

    Tests name another one; no setting and no variable does.
    """

    version: tuple[int, ...]
    core_foundation: str = _FRAMEWORK.format("CoreFoundation")
    security: str = _FRAMEWORK.format("Security")
    environment: Mapping[str, str] | None = None
    tool: str = "/usr/bin/security"
    run: Callable[..., Outcome] | None = None


def this_mac() -> Mac:
    """The one that runs this. Raises HostError."""
    version = _numbers(platform.mac_ver()[0])
    return Mac(_true_version() or version if version[:2] == _ANY_LATER else version)


def _true_version() -> tuple[int, ...]:
    """The version that macOS shows to any Python which asks for it as it starts. Source: packaging.tags, by which pip
    finds it."""
    program = "import platform; print(platform.mac_ver()[0])"
    return _numbers(run([sys.executable, "-I", "-c", program], _VERSION_TIMEOUT, environment=_AS_IT_IS).last_line)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def ask(mac: Mac, operation: str, arguments: Mapping[str, Any], timeout: float) -> Any:
    """What an operation of :mod:`program` gives. Raises HostError, NotFinished where that takes longer than ``timeout``
    seconds."""
    request = ascii((operation, dict(arguments), mac.core_foundation, mac.security))
    largest = _LARGEST_RESTORATION if operation == "restore_settings" else _LARGEST_REQUEST
    if len(request) > largest:
        raise HostError(f"What macOS is asked for takes {len(request)} bytes, and {largest} are allowed.")
    modules = {name: _compiled(name, source) for name, source in _sources(operation).items()}
    program = marshal.dumps(_compiled("start", _START)) + marshal.dumps((modules, request, os.getpid()))
    # Without site: nothing that is installed beside Python's own library is needed there, or has to run first.
    command = [sys.executable, "-I", "-S", "-c", _COMMAND]
    try:
        outcome = (mac.run or run)(command, timeout, stdin=program, environment=mac.environment)
    except NotFinished as error:
        raise NotFinished(f"macOS did not finish within {timeout:g} seconds and was stopped. {_LOCKED}") from error
    try:
        answer = json.loads(outcome.stdout)
    except ValueError as error:
        raise HostError(_what_ended_it(outcome)) from error
    if "error" in answer:
        raise HostError(f"{answer['error']}. {_OTHER_PYTHON}")
    return answer["result"]


def _what_ended_it(outcome: Outcome) -> str:
    """Why a process gave no whole answer, and what to do."""
    if len(outcome.stdout) == LARGEST_OUTPUT:
        return f"its answer is longer than the {LARGEST_OUTPUT} bytes that are read of it."
    said = outcome._replace(stdout=b"").last_line  # the status, where it said nothing
    status = f"exit status {outcome.status}"
    return (
        f"the process that asks Apple's libraries gave no whole answer "
        f"({said if said == status else f'{status}: {said}'}). {_OTHER_PYTHON}"
    )


def _sources(operation: str) -> dict[str, str]:
    """The sources that the program needs by the modules' names, each after those that it imports."""
    # Imported at need: only a Mac needs it, and none of these modules loads Apple's libraries by being imported.
    from ansible_collections.anchorage.pki.plugins.module_utils._macos import (
        anchor,
        changing,
        core_foundation,
        program,
        reading,
        security,
        writing,
    )

    further = {program.READ: (), program.INSPECT: (changing, anchor)}.get(operation, (changing, anchor, writing))
    modules = (core_foundation, security, reading, *further, program)
    return {module.__name__: _source(module) for module in modules}


@cache
def _compiled(name: str, source: str) -> CodeType:
    """The code of a module, which each of the processes would have to compile."""
    return compile(source, name, "exec", dont_inherit=True)


def _source(module: ModuleType) -> str:
    """A module's source, from where Python has the module: a folder, or Ansible's zip file."""
    return module.__spec__.loader.get_data(module.__file__).decode()  # type: ignore[union-attr]
