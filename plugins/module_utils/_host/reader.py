# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program that only reads and judges, run beside this one: :func:`start` it, and :func:`finish` it later.

It costs a look at a host a quarter of what the module subprocess does, which commands.py has for all other programs.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from ansible_collections.anchorage.pki.plugins.module_utils._host.children import await_end
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.programs import SEARCH_PATH

_PAUSE = 0.01  # seconds between two looks at a process, where the kernel does not report its end
_LARGEST_OUTPUT = 64 * 1024


class Reader(NamedTuple):
    """A program that was started, and the file that its output goes to."""

    arguments: list[str]
    process: int
    output: int


def start(arguments: list[str], stdin: bytes, environment: Mapping[str, str], files: Sequence[bytes] = ()) -> Reader:
    """Start a program by its absolute path, in a clean environment. Its last arguments are the names of such files,
    which lead nowhere on a FreeBSD that mounts no fdescfs(5). Raises HostError where it cannot be started."""
    variables = {"PATH": SEARCH_PATH, "LC_ALL": "C", **environment}
    with ExitStack() as given, ExitStack() as failed:
        output, source = _scratch_file(failed), _scratch_file(given, stdin)
        actions = [(os.POSIX_SPAWN_DUP2, *each) for each in ((source, 0), (output, 1), (output, 2))]
        handed = [_scratch_file(given, content) for content in files]
        for descriptor in handed:
            os.set_inheritable(descriptor, True)
        arguments = [*arguments, *(f"/dev/fd/{descriptor}" for descriptor in handed)]
        try:
            # There is no Ansible module here whose run_command() could do it.
            process = os.posix_spawn(  # pylint: disable=ansible-bad-function
                arguments[0], arguments, variables, file_actions=actions, setsigdef=[signal.SIGPIPE]
            )
        except OSError as error:
            raise HostError(f"{arguments[0]} cannot be run: {error.strerror}.") from error
        failed.pop_all()
    return Reader(arguments, process, output)


def finish(reader: Reader, timeout: float) -> tuple[int, str]:
    """The program's exit status and output. Raises HostError where it has to be killed after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    with open(reader.output, "rb") as file:
        await_end(reader.process, timeout)
        ended, status = os.waitpid(reader.process, os.WNOHANG)
        while not ended and time.monotonic() < deadline:
            time.sleep(_PAUSE)
            ended, status = os.waitpid(reader.process, os.WNOHANG)
        if not ended:
            os.kill(reader.process, signal.SIGKILL)
            os.waitpid(reader.process, 0)
        file.seek(0)
        output = file.read(_LARGEST_OUTPUT).decode(errors="replace")
    if not ended:
        command = " ".join(reader.arguments)
        raise HostError(f"{command} did not finish within {timeout:g} seconds and was stopped.")
    return os.waitstatus_to_exitcode(status), output


def _scratch_file(closing: ExitStack, content: bytes = b"") -> int:
    """A file without a name, at its beginning, until ``closing`` ends."""
    try:
        descriptor = os.memfd_create("anchorage")
    except (AttributeError, OSError):  # FreeBSD, and Linux without it
        from tempfile import mkstemp

        descriptor, path = mkstemp()
        os.unlink(path)
    closing.callback(os.close, descriptor)
    while content:
        content = content[os.write(descriptor, content) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
