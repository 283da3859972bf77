# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of the right of macos_right.py, by macOS' own tool: the framework lets root do the same, and no more."""

from __future__ import annotations

import os
import plistlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.parsers.expat import ExpatError

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import Attributes
from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import Mac
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.macos_right import RIGHT
from ansible_collections.anchorage.pki.plugins.module_utils._trust.writing import write_file

_ALLOW = "allow"
_TIMEOUT = 20.0  # seconds
_PRIVATE = Attributes(0o600)
# What macOS notes of a right beside what it decides by.
_NOTES = ("created", "modified", "version", "identifier", "requirement")


class Right:
    """The right on a Mac, and the journal of its changes. All methods raise HostError."""

    def __init__(self, mac: Mac, journal: str) -> None:
        self._mac, self._journal = mac, journal

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Have everybody on the Mac allowed to change the administrator's trust settings for a block."""
        self.put_back()
        former = self._read()
        if _allows(former):  # by somebody else, for good
            yield
            return
        write_file(Path(self._journal), former, _PRIVATE)
        try:
            self._write([_ALLOW])
            if not _allows(self._read()):
                raise HostError(f"macOS did not change the right {RIGHT}, although it said so.")
            yield
        finally:
            self.put_back()

    def put_back(self) -> None:
        """Put back what the journal has, unless somebody else has set the right since it was allowed."""
        former = read_regular(self._journal)
        if former is None:
            return
        if _allows(self._read()):
            try:
                self._write([], former)
                if _meaning(self._read()) != _meaning(former):
                    raise HostError("It is another one afterwards.")
            except HostError as error:
                raise HostError(
                    f"The right {RIGHT} is allowed to everybody, and could not be put back: {error} Run the task "
                    f"again, or have root run: {self._mac.tool} authorizationdb write {RIGHT} < {self._journal}"
                ) from error
        os.unlink(self._journal)

    def _read(self) -> bytes:
        """The right as a property list."""
        return self._run(["read", RIGHT])

    def _write(self, rule: list[str], content: bytes = b"") -> None:
        self._run(["write", RIGHT, *rule], content)

    def _run(self, arguments: list[str], content: bytes = b"") -> bytes:
        command = [self._mac.tool, "authorizationdb", *arguments]
        outcome = run(command, _TIMEOUT, stdin=content, environment=self._mac.environment)
        if outcome.status:
            said = outcome._replace(stdout=b"").last_line
            raise HostError(f"{' '.join(command)} failed: {said}.")
        return outcome.stdout


def _allows(right: bytes) -> bool:
    meaning = _meaning(right)
    return meaning.get("class") == _ALLOW or meaning.get("rule") in (_ALLOW, [_ALLOW])


def _meaning(right: bytes) -> dict[str, Any]:
    """What a right says, without what macOS notes of its changes."""
    try:
        values: dict[str, Any] = plistlib.loads(right)
        return {key: value for key, value in values.items() if key not in _NOTES}
    except (AttributeError, ExpatError, ValueError) as error:
        raise HostError(f"The right {RIGHT} is not the property list that it should be.") from error
