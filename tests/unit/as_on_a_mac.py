# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plugin of pytest that takes from this Python what a Mac's lacks: what Linux alone has, /proc, and systemd.

It is a double of a Mac, made of what Python's own documentation says of each platform.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import socket
import sys
import time
from typing import Any

#: By module; what a Python of macOS has under no circumstances.
MISSING = {
    os: (
        *("O_PATH", "O_DIRECT", "O_NOATIME", "O_RSYNC", "O_LARGEFILE"),
        *("getxattr", "setxattr", "removexattr", "memfd_create", "eventfd", "timerfd_create"),
        *("pidfd_open", "pipe2", "copy_file_range", "splice", "fdatasync", "posix_fadvise", "posix_fallocate"),
        *("getresuid", "getresgid", "setresuid", "setresgid", "sched_setaffinity"),
        *("getrandom", "unshare", "setns", "waitid_pidfd"),
    ),
    fcntl: ("F_OFD_GETLK", "F_OFD_SETLK", "F_OFD_SETLKW", "F_SETPIPE_SZ", "F_GETPIPE_SZ", "F_ADD_SEALS", "F_GETLEASE"),
    select: ("epoll",),
    signal: ("sigtimedwait", "sigwaitinfo", "SIGSTKFLT", "SIGPWR", "pidfd_send_signal"),
    socket: ("SOCK_CLOEXEC", "SOCK_NONBLOCK", "AF_NETLINK", "AF_PACKET", "SO_PEERCRED", "SO_BINDTODEVICE"),
    time: ("CLOCK_BOOTTIME", "CLOCK_TAI"),
}
#: Nobody has them on a Mac.
SYSTEMD = {"systemctl", "systemd-run", "loginctl", "journalctl"}


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook, see sys.addaudithook(): refuses what a Mac would."""
    if event in ("open", "os.listdir", "os.scandir"):
        path = os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes)) else ""
        if path == "/proc" or path.startswith("/proc/"):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    if event in ("subprocess.Popen", "os.posix_spawn", "os.exec"):
        program = os.path.basename(os.fsdecode(arguments[0]))
        if program in SYSTEMD:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)


for _module, _names in MISSING.items():
    for _name in _names:
        if hasattr(_module, _name):
            delattr(_module, _name)
sys.addaudithook(_watch)
