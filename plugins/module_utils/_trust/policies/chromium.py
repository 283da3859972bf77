# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managed policies of Chromium and its derivatives: the anchors themselves, each with the domains it is limited to.

A browser is a row of :data:`BROWSERS`. All files of its folder count, whatever they are called; of a policy that
several of them set, the browser takes the last file's list alone, by the order of their names. So an anchor goes into
the list that is in effect, whatever file that is in; else into a file of ours whose name comes before all others, so
that it hides nobody's list. Lists that are left of a browser count as well, which would be back with it. Sources:
https://chromeenterprise.google/policies/ (CACertificates, CACertificatesWithConstraints) and
https://www.chromium.org/administrators/linux-quick-start/
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._trust.files import closed_to_others
from ansible_collections.anchorage.pki.plugins.module_utils._trust.policies.files import (
    Keys,
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
    REMOVE,
    STALE,
    TRUSTED,
    Anchor,
    Finding,
)

OWN_FILE = "00-anchorage.json"
UNLIMITED: Keys = ("CACertificates",)
LIMITED: Keys = ("CACertificatesWithConstraints",)


@dataclass(frozen=True)
class Browser:
    """A browser, installed where one of its ``marks`` is, and its folder of managed policies. Paths are absolute."""

    name: str
    title: str
    marks: tuple[str, ...]
    folder: str


BROWSERS = (
    Browser(
        "chromium",
        "Chromium",
        ("/usr/lib/chromium", "/usr/lib64/chromium", "/usr/bin/chromium"),
        "/etc/chromium/policies/managed",
    ),
    Browser(
        "chromium-browser",
        "Chromium as a snap",
        ("/usr/lib/chromium-browser", "/snap/chromium", "/var/lib/snapd/snap/chromium"),
        "/etc/chromium-browser/policies/managed",
    ),
    Browser("chrome", "Google Chrome", ("/opt/google/chrome*",), "/etc/opt/chrome/policies/managed"),
    Browser("brave", "Brave", ("/opt/brave.com/brave*",), "/etc/brave/policies/managed"),
)


@dataclass(frozen=True)
class ChromiumPolicies:
    """The managed policies of a browser of the host."""

    browser: Browser
    settings: Settings

    kind = "policies"
    obstacle = ""

    @property
    def name(self) -> str:
        return f"{self.browser.name} policies"

    @property
    def readers(self) -> str:
        return f"{self.browser.title} of all users"

    @property
    def folder(self) -> str:
        return self.settings.path(self.browser.folder)

    @property
    def own_file(self) -> PolicyFile:
        return PolicyFile(os.path.join(self.folder, OWN_FILE), self.settings)

    @property
    def installed(self) -> bool:
        return any(self.settings.matches(mark) for mark in self.browser.marks)

    @property
    def left(self) -> bool:
        """Whether there are lists of anchors. A folder that cannot be read is nothing to a browser either."""
        with suppress(OSError):
            return any(self.mentioning(keys) for keys in (LIMITED, UNLIMITED))
        return False

    def mentioning(self, keys: Keys) -> list[PolicyFile]:
        names = sorted(os.listdir(self.folder)) if os.path.isdir(self.folder) else []
        files = [PolicyFile(os.path.join(self.folder, name), self.settings) for name in names]
        return [file for file in files if mentions(file, keys)]

    def files(self, keys: Keys) -> list[PolicyFile]:
        """Those that set a policy, in their order. Other files do not matter, whether they are valid JSON or not."""
        return [file for file in self.mentioning(keys) if keys[0] in read_policies(file)]

    def effective(self, keys: Keys) -> PolicyFile:
        """The file whose list the browser takes, or would take from ours."""
        return [self.own_file, *self.files(keys)][-1]

    def inspect(self, anchor: Anchor) -> Finding:
        findings = [self._inspect_policy(keys, anchor) for keys in (LIMITED, UNLIMITED)]
        evidence = tuple(sentence for finding in findings for sentence in finding.evidence)
        states = {finding.state for finding in findings}
        if states == {ABSENT}:
            return Finding(ABSENT, (f"no file of {self.folder} names it",))
        return Finding(TRUSTED if TRUSTED in states else STALE, evidence)

    def preview(self, anchor: Anchor, operation: str) -> Finding:
        if operation == REMOVE:
            return Finding(ABSENT, (f"no file of {self.folder} would name it",))
        keys = _policy_for(anchor)
        return Finding(TRUSTED, (self._describe(self.effective(keys), "would have", _entry_for(anchor)),))

    def install(self, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
        keys = _policy_for(anchor)
        add_entry(self.effective(keys), keys, _entry_for(anchor), undo)

    def remove(self, anchors: Sequence[Anchor]) -> None:
        unwanted = {anchor.der for anchor in anchors}
        for keys in (LIMITED, UNLIMITED):
            for file in self.files(keys):
                drop_entries(file, keys, lambda entry: _certificate_in(entry) in unwanted)

    def _inspect_policy(self, keys: Keys, anchor: Anchor) -> Finding:
        files = self.files(keys)
        found = [
            (file, entry)
            for file in files
            for entry in entries_of(file, read_policies(file), keys)
            if _certificate_in(entry) == anchor.der
        ]
        obstacles = [self._obstacle(file, entry, files[-1], keys) for file, entry in found]
        described = (self._describe(file, "has", entry) for file, entry in found)
        evidence = tuple(obstacle or sentence for obstacle, sentence in zip(obstacles, described))
        return Finding(TRUSTED if "" in obstacles else STALE if found else ABSENT, evidence)

    def _obstacle(self, file: PolicyFile, entry: Any, effective: PolicyFile, keys: Keys) -> str:
        """The sentence that says why an entry of the file has no effect; "" when it is not."""
        if keys == LIMITED and not _limits(entry):
            return (
                f"{file.path} names it to no effect: {keys[0]} requires the domains or networks that it is limited to"
            )
        if file != effective:
            return f"{file.path} names it to no effect: {self.browser.title} takes {keys[0]} from {effective.path}"
        barred = closed_to_others(file.path, self.settings.root)
        return f"{file.path} names it, but {barred} is closed to other users" if barred else ""

    def _describe(self, file: PolicyFile, has: str, entry: Any) -> str:
        limits = _limits(entry)
        scope = f"for {', '.join(limits)}" if limits else "for all that it permits itself"
        return f"{file.path} {has} {self.browser.title} trust it, {scope}"


def find(settings: Settings) -> list[ChromiumPolicies]:
    stores = [ChromiumPolicies(browser, settings) for browser in BROWSERS]
    return [store for store in stores if store.installed or store.left]


def _policy_for(anchor: Anchor) -> Keys:
    return LIMITED if anchor.permitted_domains else UNLIMITED


def _entry_for(anchor: Anchor) -> Any:
    certificate = base64.b64encode(anchor.der).decode()
    if not anchor.permitted_domains:
        return certificate
    return {"certificate": certificate, "constraints": {"permitted_dns_names": list(anchor.permitted_domains)}}


def _limits(entry: Any) -> list[str]:
    """The domains and networks that an entry limits its certificate to."""
    constraints = entry.get("constraints") if isinstance(entry, dict) else None
    if not isinstance(constraints, dict):
        return []
    lists = [constraints.get(name) for name in ("permitted_dns_names", "permitted_cidrs")]
    return [limit for each in lists if isinstance(each, list) for limit in each if isinstance(limit, str)]


def _certificate_in(entry: Any) -> bytes | None:
    """The DER in an entry of either policy, None where there is none to be found."""
    certificate = entry.get("certificate") if isinstance(entry, dict) else entry
    try:
        return base64.b64decode(certificate) if isinstance(certificate, str) else None
    except ValueError:
        return None


def sought() -> list[str]:
    """Where the browsers are looked for."""
    return [f"{', '.join(browser.marks)} ({browser.title})" for browser in BROWSERS]
