# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Truststore files without a key, at paths that a task names, for programs that are told to read them.

A file holds the anchors beside what else it held; one that is made for them holds nothing else, and goes with the last.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from ansible_collections.anchorage.pki.plugins.module_utils._host.accounts import Account
from ansible_collections.anchorage.pki.plugins.module_utils._host.as_user import call_as
from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, dataclass, replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._trust.owners import owner_of, require_own
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    ABSENT,
    INSTALL,
    STALE,
    TRUSTED,
    Anchor,
    Finding,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores import work
from ansible_collections.anchorage.pki.plugins.module_utils._trust.truststores.messages import PEM, Truststore, unpacked


@dataclass(frozen=True)
class TruststoreFile:
    """A file that is ``wanted``, whether it is there or not."""

    settings: Settings
    wanted: Truststore

    kind = "files"
    readers = "programs that are told its path"
    obstacle = ""

    @property
    def path(self) -> str:
        return self.settings.path(self.wanted.path)

    @property
    def name(self) -> str:
        return self.path

    @property
    def _folder(self) -> str:
        return os.path.dirname(self.path)

    def inspect(self, anchor: Anchor) -> Finding:
        if not os.path.isdir(self._folder):
            return Finding(ABSENT, (f"there is no folder {self._folder}",))
        exists, aliases, is_sealed, *attributes = self._work(work.look, self.wanted, anchor.der)
        if not aliases:
            return Finding(ABSENT, (f"{self.path} lacks it" if exists else f"there is no file {self.path}",))
        faults = [*self._faults_of_seal(is_sealed), *self._faults_of_attributes(attributes)]
        if faults:
            return Finding(STALE, tuple(faults))
        named = "".join(f" as {alias}" for alias in aliases[:1] if alias)
        sealed = ", sealed with the password" if self.wanted.password else ""
        return Finding(TRUSTED, (f"{self.path} holds it{named}{sealed}",))

    def preview(self, anchor: Anchor, operation: str) -> Finding:
        self._require_fitness()
        if operation == INSTALL:
            self._attributes()
            named = "" if self.wanted.format == PEM else f" as {anchor.name}"
            return Finding(TRUSTED, (f"{self.path} would hold it{named}",))
        return Finding(ABSENT, (f"{self.path} would hold it no more",))

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        self.install_all([(anchor, before)], undo)

    def install_all(self, befores: Sequence[tuple[Anchor, Finding]], undo: ExitStack) -> None:
        self._require_fitness()
        attributes = self._attributes()
        undo.callback(self._work, work.put_back, self._work(work.read))
        certificates = [(anchor.name, anchor.der) for anchor, _before in befores]
        self._work(work.add, self.wanted, certificates, attributes)

    def remove(self, anchors: Sequence[Anchor]) -> None:
        self._require_fitness()
        self._work(work.delete, self.wanted, [anchor.der for anchor in anchors])

    def _work(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What the owner of the folder does by a function of work.py."""
        return call_as(self._owner(), function, self.path, *arguments)

    def _owner(self) -> Account:
        """Whose the folder is, by name where there is one: so that user has all groups of the user's, of which the file
        may be for another one than the folder."""
        owner = owner_of(self._folder)
        try:
            return replace(owner, name=pwd.getpwuid(owner.uid).pw_name)
        except KeyError:
            return owner

    def _require_fitness(self) -> None:
        """Raise HostError where nothing may be written."""
        if not os.path.isdir(self._folder):
            raise HostError(f"There is no folder {self._folder} for the truststore file: make it first.")
        owner, user = self._owner().uid, os.geteuid()
        if user not in (0, owner):
            raise HostError(
                f"Only root and the owner of {self._folder} (number {owner}) may change a truststore file there: set "
                "become to true, or choose a folder of your own."
            )
        if owner == 0:
            require_own(self._folder, self.settings.root)

    def _attributes(self) -> list[int]:
        """The wanted mode, owner and group, as far as they are. Raises HostError."""
        # Here, for files that say nothing of it.
        from ansible_collections.anchorage.pki.plugins.module_utils._host.modes import file_mode
        from ansible_collections.anchorage.pki.plugins.module_utils._host.ownership import group_id, user_id

        wanted, folder = self.wanted, self._owner()
        uid = user_id(wanted.owner) if wanted.owner else work.UNCHANGED
        if folder.uid != 0 and uid not in (work.UNCHANGED, folder.uid):
            raise HostError(
                f"owner: {self._folder} is not root's, and its owner (number {folder.uid}) makes the truststore file. "
                "Name that user, leave owner out, or choose a folder of root's."
            )
        mode = file_mode(wanted.mode) if wanted.mode else work.UNCHANGED
        return [mode, uid, group_id(wanted.group) if wanted.group else work.UNCHANGED]

    def _faults_of_seal(self, is_sealed: bool) -> list[str]:
        if is_sealed:
            return []
        return [f"{self.path} has another password, or none" if self.wanted.password else f"{self.path} has a password"]

    def _faults_of_attributes(self, found: Sequence[int]) -> list[str]:
        try:
            wanted = self._attributes()
        except HostError as error:
            return [str(error).rstrip(".")]
        names = ("mode", "owner", "group")
        return [
            f"{self.path} has another {name}"
            for name, new, old in zip(names, wanted, found)
            if new not in (work.UNCHANGED, old)
        ]


def find(settings: Settings) -> list[TruststoreFile]:
    """Those that the task names."""
    return [TruststoreFile(settings, wanted) for wanted in unpacked(settings.truststores)]


def sought() -> list[str]:
    """Nothing: which there are is for the task to say."""
    return []
