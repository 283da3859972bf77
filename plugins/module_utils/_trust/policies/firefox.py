# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Firefox's policies: ``Certificates.Install`` in policies.json names the files of anchors.

Firefox reads one policies.json: the system's, or where that is missing, the one of its own installation. So a new file
for the system would hide what an installation's says; then each installation gets its own. The anchor lies beside the
policies, where a sandboxed Firefox can read it too. Policies that are left of a Firefox count as well, which would be
back with it. Source: https://mozilla.github.io/policy-templates/
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._trust.certificates import holds_only
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import closed_to_others, read_regular
from ansible_collections.anchorage.pki.plugins.module_utils._trust.policies.files import (
    PolicyFile,
    add_entry,
    drop_entries,
    entries_of,
    mentions,
    read_policies,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    ABSENT,
    INSTALL,
    STALE,
    TRUSTED,
    Anchor,
    Finding,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.writing import write_public

SYSTEM_FOLDER = "/etc/firefox/policies"
INSTALLATIONS = ("/usr/lib/firefox*", "/usr/lib64/firefox*", "/usr/local/lib/firefox*", "/opt/firefox*")
# Debian keeps an installation's policies here, behind a link, where they stay when it is uninstalled.
SHARED = "/usr/share/firefox*"
SNAPS = ("/snap/firefox", "/var/lib/snapd/snap/firefox")
FLATPAKS = ("/var/lib/flatpak/app/org.mozilla.firefox",)
FLATPAK = f"/var/lib/flatpak/extension/org.mozilla.firefox.systemconfig/{os.uname().machine}/stable/policies"
SEEN_BY_FLATPAK = "/app/etc/firefox/policies"
# Where Firefox looks for an anchor that is named without a folder, beside each user's ~/.mozilla/certificates.
NAMED_CERTIFICATES = ("/usr/lib/mozilla/certificates", "/usr/lib64/mozilla/certificates")

KEYS = ("policies", "Certificates", "Install")
KEPT_BY_PROFILES = "profiles keep what a policy once installed: stores of the kind nss show and clear it"


@dataclass(frozen=True)
class FirefoxPolicies:
    """The folder of one policies.json, and what a sandboxed Firefox calls it; "" for the same."""

    name: str
    folder: str
    sandboxed: str
    settings: Settings

    kind = "policies"
    readers = "Firefox of all users"
    obstacle = ""

    @property
    def file(self) -> PolicyFile:
        return PolicyFile(self._path(f"{self.folder}/policies.json"), self.settings)

    @property
    def seen(self) -> str:
        return self.sandboxed or self.folder

    def _path(self, absolute: str) -> str:
        return self.settings.path(absolute)

    def own_file(self, anchor: Anchor) -> Path:
        return Path(self._path(self.folder), f"{anchor.name}.pem")

    def own_entry(self, anchor: Anchor) -> str:
        return f"{self.seen}/{anchor.name}.pem"

    def _find(self, entry: object) -> str:
        """The file that Firefox reads for an entry of the policy, "" for none."""
        if not isinstance(entry, str):
            return ""
        if os.path.dirname(entry) == self.seen:
            candidates = [self._path(os.path.join(self.folder, os.path.basename(entry)))]
        elif os.path.isabs(entry):
            candidates = [self._path(entry)]
        else:
            candidates = [self._path(os.path.join(folder, entry)) for folder in NAMED_CERTIFICATES]
        return next((path for path in candidates if os.path.exists(path)), "")

    def _leads_to(self, entry: object, anchor: Anchor) -> bool:
        return holds_only(read_regular(self._find(entry)) or b"", anchor.der)

    def inspect(self, anchor: Anchor) -> Finding:
        entries = entries_of(self.file, read_policies(self.file), KEYS)
        leading = {str(entry): self._barred(entry) for entry in entries if self._leads_to(entry, anchor)}
        evidence = [self._describe(entry, barred) for entry, barred in leading.items()]
        own_entry, own_file = self.own_entry(anchor), self.own_file(anchor)
        broken = own_entry in entries and own_entry not in leading
        if broken:
            evidence.append(f"{self.file.path} names {own_entry}, which is missing or not what its name says")
        if own_file.exists() and own_entry not in entries:
            evidence.append(f"{own_file} is there, and {self.file.path} does not name it")
        if not evidence:
            return Finding(ABSENT, (f"{self.file.path} does not name it; {KEPT_BY_PROFILES}",))
        sound = not broken and any(not barred for barred in leading.values())
        return Finding(TRUSTED if sound else STALE, tuple(evidence))

    def preview(self, anchor: Anchor, operation: str) -> Finding:
        if operation == INSTALL:
            sentence = f"{self.file.path} would have Firefox install it from {self.own_entry(anchor)}"
            return Finding(TRUSTED, (sentence,))
        return Finding(ABSENT, (f"{self.file.path} would not name it; {KEPT_BY_PROFILES}",))

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        # The entry first: it may have to make the folder, and knows then how to take it away again.
        add_entry(self.file, KEYS, self.own_entry(anchor), undo)
        write_public(self.own_file(anchor), anchor.pem.encode(), undo)

    def remove(self, anchors: Sequence[Anchor]) -> None:
        own = [self.own_entry(anchor) for anchor in anchors]
        entries = entries_of(self.file, read_policies(self.file), KEYS)
        foreign = [entry for entry in entries if any(self._leads_to(entry, anchor) for anchor in anchors)]
        # The file is ours to remove, whatever it holds by now.
        for anchor in anchors:
            self.own_file(anchor).unlink(missing_ok=True)
        drop_entries(self.file, KEYS, lambda entry: entry in own or entry in foreign)

    def _barred(self, entry: object) -> str:
        """What keeps users from reading the policies, or the anchor that an entry leads to; "" for nothing."""
        root = self.settings.root
        return closed_to_others(self.file.path, root) or closed_to_others(self._find(entry), root)

    def _describe(self, entry: str, barred: str) -> str:
        sentence = f"{self.file.path} has Firefox install it from {entry} into each profile that is opened"
        return f"{sentence}, but {barred} is closed to other users" if barred else sentence


def find(settings: Settings) -> list[FirefoxPolicies]:
    """The policies to feed: the system's, unless an installation has its own that these would hide; and Flatpak's.
    Beside them, those that name anchors without a Firefox that is there to read them. Each file counts once."""
    own = {path: _distribution(path, settings) for path in _present(settings, INSTALLATIONS)}
    installed = [store for path, store in own.items() if os.path.exists(settings.path(f"{path}/application.ini"))]
    system = FirefoxPolicies("firefox policies", SYSTEM_FOLDER, "", settings)
    flatpak = FirefoxPolicies("firefox policies of Flatpak", FLATPAK, SEEN_BY_FLATPAK, settings)
    shared = [
        _distribution(path, settings, f"{path.replace('share', 'lib', 1)}/distribution")
        for path in _present(settings, [SHARED])
    ]
    stores = []
    if installed or _present(settings, SNAPS):
        taken = [store for store in installed if os.path.lexists(store.file.path)]
        stores = [system, *taken] if os.path.lexists(system.file.path) or not taken else installed
    if _present(settings, FLATPAKS):
        stores.append(flatpak)
    stores += [store for store in (system, *own.values(), flatpak, *shared) if mentions(store.file, KEYS)]
    by_file: dict[Path, FirefoxPolicies] = {}
    for store in stores:
        by_file.setdefault(store.file.real, store)
    return list(by_file.values())


def _distribution(path: str, settings: Settings, sandboxed: str = "") -> FirefoxPolicies:
    return FirefoxPolicies(f"policies of {path}", f"{path}/distribution", sandboxed, settings)


def _present(settings: Settings, patterns: Sequence[str]) -> list[str]:
    """The absolute paths on the host that fit one of the patterns."""
    found = [path for pattern in patterns for path in settings.matches(pattern)]
    return ["/" + os.path.relpath(path, settings.root) for path in found]


def sought() -> list[str]:
    """Where Firefox is looked for."""
    return [f"{', '.join((*INSTALLATIONS, *SNAPS, *FLATPAKS))} (Firefox)"]
