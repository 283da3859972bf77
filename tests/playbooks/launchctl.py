# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A double of macOS' launchctl, for the agents of users: ``launchctl.py FOLDER print|bootstrap|bootout ...``.

In the folder, ``sessions`` has a line for each user at the screen, ``loaded`` has what launchd runs, by its label, as
it was in the file then, ``disabled`` the labels that somebody has disabled, and ``ending`` those that are still taken,
once for each question until they are not. ``calls`` has all that was asked. It is stricter than launchctl: words that
launchctl(1) does not document end it with 64.

What it holds to, and where that is from:

- ``gui/501`` is the session of user 501 at the screen, ``gui/501/LABEL`` an agent in it: launchctl(1), "specifiers".
- ``print`` ends with 113 for an agent that is not loaded ("Could not find service"), and with 125, 112 in former
  versions, where the user has no session: launchctl(1) has it tell "Could not find domain"; the numbers are those of
  ``launchctl error``.
- ``bootstrap`` takes a property list with a label and a program, which nobody else may write, or ends with 5
  ("Input/output error"). So it does for a label that is taken or disabled. Without a session it is 125 ("Domain does
  not support specified action").
- ``bootout`` ends with 3 ("No such process") for what is not loaded. It does not wait for the end of what runs, which
  takes the label until then.
- ``RunAtLoad`` and ``StartCalendarInterval``, ``ProgramArguments`` by their paths, what a log is, and which keys there
  are: launchd.plist(5). launchd sets HOME and a short PATH, and starts an agent in the root folder.
"""

from __future__ import annotations

import json
import os
import plistlib
import sys
from pathlib import Path
from typing import Any

NO_PROCESS, IO_ERROR, USAGE, NO_SERVICE, NO_DOMAIN = 3, 5, 64, 113, 125
#: Of launchd.plist(5), with the types of their values.
KEYS = {
    "Label": str,
    "ProgramArguments": list,
    "EnvironmentVariables": dict,
    "StartCalendarInterval": dict,
    "RunAtLoad": bool,
    "ProcessType": str,
    "StandardOutPath": str,
    "StandardErrorPath": str,
}
ASKED_WHILE_ENDING = 2


class Launchd:
    """What launchd has, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    @property
    def loaded(self) -> dict[str, dict[str, Any]]:
        path = self.folder / "loaded"
        return json.loads(path.read_text()) if path.exists() else {}

    def keep(self, loaded: dict[str, dict[str, Any]]) -> None:
        (self.folder / "loaded").write_text(json.dumps(loaded))

    def is_taken(self, label: str) -> bool:
        """Whether an agent runs or is ending, about which each question is one less."""
        left = self.lines("ending")
        if label in left:
            left.remove(label)
            (self.folder / "ending").write_text("".join(f"{line}\n" for line in left))
            return True
        return label in self.loaded

    def print(self, target: str) -> int:
        session, label = parse(target)
        if session not in self.lines("sessions"):
            return NO_DOMAIN
        return 0 if not label or self.is_taken(label) else NO_SERVICE

    def bootstrap(self, target: str, path: str) -> int:
        session, label = parse(target)
        if session not in self.lines("sessions"):
            return NO_DOMAIN
        agent = read_agent(Path(path))
        if label or agent is None or agent["Label"] in self.lines("disabled") or self.is_taken(agent["Label"]):
            return IO_ERROR
        self.keep({**self.loaded, agent["Label"]: agent})
        return 0

    def bootout(self, target: str) -> int:
        session, label = parse(target)
        if session not in self.lines("sessions"):
            return NO_DOMAIN
        loaded = self.loaded
        if loaded.pop(label, None) is None:
            return NO_PROCESS
        self.keep(loaded)
        (self.folder / "ending").write_text(f"{label}\n" * ASKED_WHILE_ENDING)
        return 0


def parse(target: str) -> tuple[str, str]:
    """The session's user and the label, which may be empty, of a specifier."""
    kind, user, label = f"{target}/".split("/", 2)
    if kind != "gui" or not user.isdigit():
        sys.exit(USAGE)
    return user, label.rstrip("/")


def read_agent(path: Path) -> dict[str, Any] | None:
    """An agent that launchd would load, by the path of its file; None for another file."""
    try:
        if path.stat().st_mode & 0o022 or path.stat().st_uid != os.geteuid():
            return None
        agent = plistlib.loads(path.read_bytes())
    except (OSError, plistlib.InvalidFileException):
        return None
    known = all(isinstance(value, KEYS.get(key, type(None))) for key, value in agent.items())
    return agent if known and {"Label", "ProgramArguments"} <= agent.keys() else None


def main(folder: str, *words: str) -> int:
    launchd = Launchd(Path(folder))
    with open(launchd.folder / "calls", "a", encoding="utf-8") as calls:
        print(*words, file=calls)
    known = {("print", 2): launchd.print, ("bootstrap", 3): launchd.bootstrap, ("bootout", 2): launchd.bootout}
    operation = known.get((words[0], len(words)))
    return operation(*words[1:]) if operation else USAGE


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    print(f"launchctl: {status}" if status else "", file=sys.stderr)
    sys.exit(status)
