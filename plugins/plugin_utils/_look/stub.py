# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apple's placeholder for Python: without the Command Line Tools, /usr/bin/python3 of a Mac opens a window that offers
to install them, and waits for somebody to answer. Whether they are there is seen without starting it.
"""

from __future__ import annotations

STUB = "/usr/bin/python3"
# The status of the command where it is the placeholder: EX_OSFILE of sysexits(3), which Python does not end with.
STUB_STATUS = 72
STUB_REFUSAL = (
    f"{STUB} on the host is Apple's placeholder, which only offers to install the Command Line Tools: install them "
    "there (xcode-select --install), or set ansible_python_interpreter to another Python of the host."
)
# A program that every Mac has, and no other system.
_MARK = "/usr/bin/xcode-select"
# The folders of developers' tools, as xcode-select(1) looks for them: the chosen one, and the usual ones.
_TOOLS = (
    "/var/db/xcode_select_link",
    "/Library/Developer/CommandLineTools",
    "/Applications/Xcode.app/Contents/Developer",
)


def guarded(command: str, interpreter: str, root: str = "") -> str:
    """A command of the shell that starts ``interpreter``, which ends with ``STUB_STATUS`` instead where that is the
    placeholder; ``root`` is the host's root folder.

    Its input is read to the end all the same: a connection may fail that cannot pass it on.
    """
    if interpreter != STUB:
        return command
    absent = " && ".join(f"! [ -x {root}{folder}{STUB} ]" for folder in _TOOLS)
    return f"[ -x {root}{_MARK} ] && {absent} && {{ cat > /dev/null; exit {STUB_STATUS}; }}; {command}"
