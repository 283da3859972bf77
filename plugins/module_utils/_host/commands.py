# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands of the host, run without a shell, with a clean environment and a time limit."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.children import await_end
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import TYPE_CHECKING, NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.programs import SEARCH_PATH

if TYPE_CHECKING:
    import subprocess

#: Bytes that are read; a keystore with all public authorities lists itself in a quarter of a million.
LARGEST_OUTPUT = 8 * 1024 * 1024


class NotFinished(HostError):
    """A command was killed, as its time was over."""


class Outcome(NamedTuple):
    """A command's exit status and its output."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def output(self) -> str:
        """Standard output and standard error as text."""
        return (self.stdout + self.stderr).decode(errors="replace")

    @property
    def last_line(self) -> str:
        lines = self.output.strip().splitlines()
        return lines[-1].strip() if lines else f"exit status {self.status}"


def run(
    arguments: Sequence[str],
    timeout: float,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    umask: int = 0o022,
    search_path: str | None = None,
) -> Outcome:
    """Run a command in a clean environment: ``search_path`` as its PATH, and what ``environment`` adds.

    Its output goes to files, not to pipes: a daemon that the command leaves behind would hold a pipe open for ever.
    Raises HostError when it cannot be started, and NotFinished when it has not ended after ``timeout`` seconds; it is
    then killed with all its children.
    """
    # Imported here, since a look at a host needs to find programs, and has no time for these.
    import subprocess
    import tempfile

    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        given.write(stdin)
        given.seek(0)
        try:
            # AnsibleModule.run_command has no time limit and no way to end a command's children.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                arguments,
                stdin=given,
                stdout=stdout,
                stderr=stderr,
                cwd="/",
                env={"PATH": search_path or SEARCH_PATH, "LC_ALL": "C", **(environment or {})},
                start_new_session=True,
                umask=umask,
            )
        except OSError as error:
            raise HostError(f"{arguments[0]} cannot be run: {error.strerror}.") from error
        status = _wait(process, arguments, timeout)
        stdout.seek(0)
        stderr.seek(0)
        return Outcome(status, stdout.read(LARGEST_OUTPUT), stderr.read(LARGEST_OUTPUT))


def _wait(process: subprocess.Popen[bytes], arguments: Sequence[str], timeout: float) -> int:
    """The exit status of the process. Raises NotFinished where it has to be killed."""
    import subprocess

    try:
        return process.wait(0 if await_end(process.pid, timeout) else timeout)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        command = " ".join(arguments)
        raise NotFinished(f"{command} did not finish within {timeout:g} seconds and was stopped.") from error
