# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Python that has started: what asks the double runs in forks of it, so that Python does not start each time anew.

A process of tests has one, which ends with it. A fork gets what a new Python gets: a clean environment, its standard
input and outputs, a session of its own. It ends as the C library's ``exit`` ends a process, or with who asked.
"""

from __future__ import annotations

import atexit
import functools
import marshal
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import NotFinished, Outcome
from ansible_collections.anchorage.pki.plugins.module_utils._host.programs import SEARCH_PATH

_STATUS_SIZE = 4  # bytes
#: Listens on the descriptor that it is given, until its standard input ends. It loads no library: its forks do. And it
#: is no child of who started it, since some tests see that they have none left.
_SERVER = """\
import _thread, binascii, ctypes, marshal, os, select, signal, socket, sys, time

if os.fork():
    os._exit(0)

def end(child):
    "With its own children, which are in its session."
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:  # it has no session yet
        os.kill(child, signal.SIGKILL)

def serve(listening):
    "Return in each fork."
    running = {}
    poll = select.poll()
    poll.register(0, select.POLLIN)
    poll.register(listening, select.POLLIN)
    while True:
        descriptor = poll.poll()[0][0]
        if descriptor == 0:
            for child, _ending, _connection in running.values():
                end(child)
            os._exit(0)
        if descriptor == listening.fileno():
            connection = listening.accept()[0]
            message, descriptors, _flags, _address = socket.recv_fds(connection, 65536, 3)
            child = os.fork()
            if child == 0:
                return message, descriptors
            for each in descriptors:
                os.close(each)
            ending = os.pidfd_open(child)
            running[ending] = running[connection.fileno()] = child, ending, connection
            poll.register(ending, select.POLLIN)
            poll.register(connection, select.POLLRDHUP)
            continue
        child, ending, connection = running[descriptor]
        if descriptor != ending:
            end(child)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for each in (ending, connection.fileno()):
            poll.unregister(each)
            del running[each]
        os.close(ending)
        try:
            connection.sendall(status.to_bytes(4, "big", signed=True))
        except OSError:
            pass  # who asked is gone
        connection.close()

message, descriptors = serve(socket.socket(fileno=int(sys.argv[1])))
parent, environment = marshal.loads(message)
os.setsid()
for number, descriptor in enumerate(descriptors):
    os.dup2(descriptor, number)
os.closerange(3, 256)
os.environ.clear()
os.environ.update(environment)
os.umask(0o022)
os.getppid = lambda: parent
status = 0
try:
    exec(marshal.load(sys.stdin.buffer))
    sys.stdout.flush()
except BaseException:
    sys.excepthook(*sys.exc_info())
    status = 1
ctypes.CDLL(None).exit(status)
"""


@functools.cache
def runner() -> Callable[..., Outcome]:
    """Runs in a fork what the helper has a new Python run, and takes and gives what ``commands.run`` does."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("")  # to a name that Linux chooses
        listening.listen(64)
        command = [sys.executable, "-I", "-S", "-c", _SERVER, str(listening.fileno())]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, cwd="/", pass_fds=[listening.fileno()])
        assert server.stdin is not None
        server.wait()
        atexit.register(server.stdin.close)
        return functools.partial(_run, listening.getsockname())


def _run(
    address: bytes,
    arguments: Sequence[str],
    timeout: float,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
        socket.socket(socket.AF_UNIX) as connection,
    ):
        given.write(stdin)
        given.seek(0)
        connection.connect(address)
        message = marshal.dumps((os.getpid(), {"PATH": SEARCH_PATH, "LC_ALL": "C", **(environment or {})}))
        socket.send_fds(connection, [message], [given.fileno(), stdout.fileno(), stderr.fileno()])
        connection.settimeout(timeout)
        try:
            status = connection.recv(_STATUS_SIZE)
        except TimeoutError as error:
            connection.settimeout(None)
            connection.shutdown(socket.SHUT_WR)  # upon which it is killed
            connection.recv(_STATUS_SIZE)
            raise NotFinished(f"{arguments[0]} did not finish within {timeout:g} seconds and was stopped.") from error
        stdout.seek(0)
        stderr.seek(0)
        return Outcome(int.from_bytes(status, "big", signed=True), stdout.read(), stderr.read())
