# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What servers share that become a program in Python as often as they are asked to, by a fork.

A server has imported what such programs import, and what depends on neither the environment nor a configuration. All
else the program does itself, with the arguments, the environment, the folder and the files that it is given. It ends by
itself, too: what asked hears of its exit status.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Iterable

COLLECTIONS = "ANSIBLE_COLLECTIONS_PATH"
LIMIT = 120  # seconds, of a program
LARGEST_REQUEST = 1024 * 1024  # bytes

#: Leads to the mount namespace of who opens it: see mount_namespaces(7).
MOUNTS = "/proc/self/ns/mnt"
# Of linux/sched.h and linux/mount.h. Python 3.11 has neither call.
CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000


def serve() -> None:
    """Answer requests to the socket that the first argument numbers, for as long as there is who started this process,
    which holds the other end of the pipe that the second one numbers."""
    if os.fork():
        os._exit(0)  # nobody's child: tests look whether theirs are gone
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that report
    listener, lifeline = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    become(*_await_request(listener, lifeline))


def _await_request(listener: socket.socket, lifeline: int) -> tuple[bytes, list[int]]:
    """Return in a new process for each request. The process between them reports how that one ended."""
    while lifeline not in select.select([listener, lifeline], [], [])[0]:
        connection, _address = listener.accept()
        with connection:
            if os.fork():
                continue
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            os.close(lifeline)
            request, descriptors, _flags, _sender = socket.recv_fds(connection, LARGEST_REQUEST, 4)
            program = os.fork()
            if program == 0:
                return request, descriptors
            connection.send(str(os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])).encode())
            os._exit(0)
    sys.exit()


def become(request: bytes, descriptors: list[int]) -> None:
    """Have everything as it is when Python starts a script, and run that, with mounts of its own where it wants these,
    or with those of who asks. The descriptors are of the three standard streams, and of who asks' mount namespace."""
    wanted = marshal.loads(request)  # noqa: S302 a test wrote it
    program, environment = wanted["program"], wanted["environment"]
    signal.alarm(LIMIT)
    *streams, namespace = descriptors
    _join(namespace)
    os.close(namespace)
    if wanted["mounts"]:
        _mount(wanted["mounts"])
    for standard, descriptor in enumerate(streams):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.chdir(wanted["folder"])
    collections = os.environ.get(COLLECTIONS)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv, sys.orig_argv = program, [sys.executable, *program]
    folders = environment["PYTHONPATH"].split(os.pathsep)
    sys.path[:1] = [os.path.dirname(program[0]), *folders]
    _forget(_packages(folders), environment.get(COLLECTIONS) == collections)
    import sitecustomize  # noqa: F401 as Python does; the system may have one, too

    runpy.run_path(program[0], run_name="__main__")


def _packages(folders: list[str]) -> set[str]:
    """What there is to import from folders."""
    paths = [os.path.join(folder, name) for folder in folders for name in os.listdir(folder)]
    return {
        os.path.basename(path).partition(".")[0]
        for path in paths
        if path.endswith((".py", ".so")) or os.path.isdir(path)
    }


def _forget(replaced: set[str], same_collections: bool) -> None:
    """Forget what was imported and is another for the program, with what may have imported it."""
    imported = {module.partition(".")[0] for module in sys.modules}
    forgotten = set(replaced)
    if not same_collections or replaced & imported - {"sitecustomize"}:
        forgotten |= {"ansible", "ansible_collections"}
    for module in [module for module in sys.modules if module.partition(".")[0] in forgotten]:
        del sys.modules[module]


def _mount(mounts: Iterable[tuple[str, str]]) -> None:
    """Have what is below the first of two paths below the second as well, one pair after the other."""
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(CLONE_NEWNS))
    _check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    for source, target in mounts:
        _check(libc.mount(os.fsencode(source), os.fsencode(target), None, MS_BIND, None))


def _join(namespace: int) -> None:
    """Have the mounts of the namespace with this descriptor. This process has one thread."""
    if os.fstat(namespace).st_ino != os.stat(MOUNTS).st_ino:
        _check(ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNS))


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
