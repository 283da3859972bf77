# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python runs this when it starts in a test's run of ansible-playbook, in its modules too; forked workers inherit it.

A module is handed over to a process that has imported already what modules import, and that runs it by a fork: before
anything is imported here, which would take as long as the rest. See :mod:`kept_by_runs` for what else is done.
"""

from __future__ import annotations

import marshal
import os
import sys

#: The Python that may hand over, a colon, and where it does.
MODULE_SERVER = "MODULE_SERVER"


def hand_over(place: str) -> None:
    """Have the process at that place run this one's script, and end as that one ends; return where it cannot."""
    import _socket  # what is public imports much

    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    try:
        connection.connect(place)
    except OSError:  # as for another user
        return
    environment = {name: value for name, value in os.environ.items() if name != MODULE_SERVER}
    request = {"program": sys.orig_argv[1:], "environment": environment, "folder": os.getcwd(), "mounts": []}
    namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    files = b"".join(descriptor.to_bytes(4, sys.byteorder) for descriptor in (0, 1, 2, namespace))
    connection.sendmsg([marshal.dumps(request)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
    status = int(connection.recv(16))
    if status < 0:
        os.kill(os.getpid(), -status)
    os._exit(status)


def is_module() -> bool:
    """Whether this Python was started for one of Ansible's modules, and by nothing but its name."""
    return len(sys.orig_argv) == 2 and os.path.basename(sys.orig_argv[1]).startswith("AnsiballZ_")


if __name__ == "sitecustomize":  # and not imported by a test
    python, _colon, place = os.environ.get(MODULE_SERVER, "").rpartition(":")
    if python == sys.executable and is_module():
        hand_over(place)
    __import__("kept_by_runs")  # not before
