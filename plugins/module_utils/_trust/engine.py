# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An anchor in all the trust stores of a host: finds them, changes each that needs it, proves it, or takes it back.

What a store is and how it is read, fed and cleared is the business of its family in ``trust_stores/``. One store's
failure never keeps the others from their turn. Former anchors of the same authority can go once the new one is trusted.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError, UserNeeded
from ansible_collections.anchorage.pki.plugins.module_utils._host.lock import LockTimeout, take_lock
from ansible_collections.anchorage.pki.plugins.module_utils._trust import applications
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import debian as debian_java
from ansible_collections.anchorage.pki.plugins.module_utils._trust.java import store as java
from ansible_collections.anchorage.pki.plugins.module_utils._trust.nss import store as nss
from ansible_collections.anchorage.pki.plugins.module_utils._trust.policies import store as browser_policies
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import (
    ABSENT,
    BLOCKED,
    FAILED,
    NEEDS_USER,
    PENDING,
    TRUSTED,
    UNAVAILABLE,
    Anchor,
    Family,
    Finding,
    Store,
)
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system import anchor_folder

# The kinds of stores that a task can ask for, in the order in which they take turns: what feeds another comes first,
# as a browser that starts amid a removal would copy the anchor from its policies into a profile once more.
FAMILIES: dict[str, tuple[Family, ...]] = {
    "system": (anchor_folder, debian_java),
    "java": (java,),
    "policies": (browser_policies,),
    "nss": (nss,),
    "applications": (applications,),
}
SYSTEM = "system"
KINDS = [SYSTEM, "java", "nss", "policies", "applications"]
# Those of applications set their environment, which is for the administrator to ask for.
DEFAULT_KINDS = (SYSTEM, "java", "nss", "policies")

INSPECT = "inspect"
INSTALL = "install"
REMOVE = "remove"
OPERATIONS = [INSPECT, INSTALL, REMOVE]

# The states in which nothing is left that the host itself could do.
SETTLED = {INSPECT: (TRUSTED,), INSTALL: (TRUSTED, PENDING, NEEDS_USER), REMOVE: (ABSENT,)}

LOCK_FILE = "var/run/anchorage-trust.lock"
# Seconds to wait for another run, which may be refreshing a store and then refreshing it back.
LOCK_PATIENCE = 400.0


# What a store can bring about: errors of ours, of the system, and of content in a shape that nobody foresaw.
_TROUBLE = (HostError, OSError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True)
class Purge:
    """A former anchor that was to go from a store: what the store said of it before, and says now."""

    anchor: Anchor
    before: Finding
    after: Finding


@dataclass(frozen=True)
class Report:
    """What became of the anchor in one store. In check mode, what would become of it."""

    kind: str
    name: str
    readers: str
    state: str
    changed: bool
    evidence: tuple[str, ...]
    before: Finding
    purged: tuple[Purge, ...] = ()


@dataclass(frozen=True)
class Place:
    """A store with what handles it."""

    kind: str
    family: Family
    store: Store

    def report(self, state: str, changed: bool, evidence: tuple[str, ...], before: Finding) -> Report:
        return Report(self.kind, self.store.name, self.store.readers, state, changed, evidence, before)


def apply(
    operation: str,
    anchor: Anchor,
    kinds: Sequence[str] = DEFAULT_KINDS,
    superseded: Sequence[Anchor] = (),
    root: str = "/",
    check_mode: bool = False,
    patience: float = LOCK_PATIENCE,
    java_password: str = "",
) -> list[Report]:
    """Inspect the anchor in each store of these kinds below ``root``, and install or remove it where that is still to
    be done. The ``superseded`` anchors are removed too, from each store in which that was brought about.
    ``java_password`` opens Java's keystores of the user who runs this, where the usual one does not.

    Raises HostError where there is no store at all, where the user may not change one, and while another run is at it.
    """
    places, reports = _find(operation, kinds, root, java_password)
    if operation != INSPECT:
        _require_root(root)
    with ExitStack() as stack:
        if operation != INSPECT and not check_mode:
            stack.enter_context(_exclusive(os.path.join(root, LOCK_FILE), patience))
        # All before any: a refresh of one store may feed the next one, too.
        surveyed = [(place, _survey(place, anchor)) for place in places]
        for place, before in surveyed:
            perhaps_fed = any(report.changed for report in reports)
            report = _treat(place, anchor, before, operation, check_mode, perhaps_fed)
            if superseded and report.state in (TRUSTED, ABSENT, PENDING):
                report = _purge(place, anchor, superseded, report, check_mode)
            reports.append(report)
        return reports


def shortfall(operation: str, reports: list[Report]) -> str:
    """Why the operation counts as failed, one sentence for each store to blame; "" when it does not.

    A store whose program is missing is no failure of an installation as long as another one trusts the anchor.
    """
    if operation == INSPECT:
        return ""
    blamed = [report for report in reports if report.state in (FAILED, BLOCKED)]
    achieved = any(report.state in SETTLED[operation] for report in reports)
    if operation == REMOVE or not achieved:
        blamed += [report for report in reports if report.state == UNAVAILABLE]
    return " ".join(
        sentence if sentence.startswith(report.name) else f"{report.name}: {sentence}"
        for report, sentence in ((report, report.evidence[0]) for report in blamed)
    )


def _find(operation: str, kinds: Sequence[str], root: str, java_password: str) -> tuple[list[Place], list[Report]]:
    """All stores of the kinds, and a report for each family that could not look for its own.

    Of a system's store there has to be one: without it, the platform is unknown. And what is to be trusted or looked at
    in other stores has to be somewhere.
    """
    families = [(kind, family) for kind, members in FAMILIES.items() if kind in kinds for family in members]
    places: list[Place] = []
    failures: list[Report] = []
    for kind, family in families:
        try:
            stores = family.find(root)
        except _TROUBLE as error:
            reason = f"Its stores cannot be looked for. {_sentence(error)}"
            failures.append(Report(kind, kind, "", FAILED, False, (reason,), Finding(FAILED, (reason,))))
        else:
            places += [
                Place(kind, family, java.with_password(store, java_password) if family is java else store)
                for store in stores
            ]
    wanted = [SYSTEM] if SYSTEM in kinds else [] if operation == REMOVE else kinds
    kinds_seen = {place.kind for place in places} | {failure.kind for failure in failures}
    if wanted and not kinds_seen.intersection(wanted):
        sought = ", ".join(entry for kind, family in families if kind in wanted for entry in family.sought())
        raise HostError(f"This host has no trust store that is known here. Looked for: {sought}.")
    return places, failures


def _require_root(root: str) -> None:
    if root == "/" and os.geteuid() != 0:
        raise HostError("Only root may change what a host trusts: set become to true.")


@contextmanager
def _exclusive(path: str, patience: float) -> Iterator[None]:
    """Be the only run that changes stores on this host. Raises HostError after ``patience`` seconds."""
    try:
        descriptor = take_lock(path, patience)
    except LockTimeout as error:
        raise HostError(f"Another run is changing what this host trusts (it holds {path}). Try again later.") from error
    except OSError as error:
        raise HostError(f"The lock {path} cannot be taken: {error.strerror}.") from error
    try:
        yield
    finally:
        os.close(descriptor)


def _survey(place: Place, anchor: Anchor) -> Finding:
    try:
        return place.family.inspect(place.store, anchor)
    except UserNeeded as error:
        return Finding(NEEDS_USER, (str(error),))
    except _TROUBLE as error:
        return Finding(FAILED, (_sentence(error),))


def _treat(
    place: Place, anchor: Anchor, before: Finding, operation: str, check_mode: bool, perhaps_fed: bool
) -> Report:
    """Change one store where that is needed and possible, and report. It is looked at again first if it was perhaps fed
    by the change of another one."""
    if before.state == FAILED:
        return place.report(FAILED, False, before.evidence, before)
    if before.private:  # and nobody may keep a host from being changed by what is theirs alone
        return place.report(NEEDS_USER, False, before.evidence, before)
    if before.blocked and before.state != TRUSTED and operation != REMOVE:
        return place.report(BLOCKED, False, (before.blocked, *before.evidence), before)
    if before.state in SETTLED[operation]:
        return place.report(_reached(before), False, before.evidence, before)
    if place.store.obstacle:
        return place.report(UNAVAILABLE, False, (place.store.obstacle, *before.evidence), before)
    if operation == INSPECT:
        return place.report(_reached(before), False, before.evidence, before)
    try:
        if check_mode:
            return _foresee(place, anchor, before, operation)
        if perhaps_fed:
            fed = place.family.inspect(place.store, anchor)
            if fed != before and fed.state in SETTLED[operation]:
                return place.report(_reached(fed), True, fed.evidence, before)
        return (_install if operation == INSTALL else _remove)(place, anchor, before)
    except UserNeeded as error:
        state = FAILED if operation == REMOVE else NEEDS_USER
        return place.report(state, False, (str(error), *before.evidence), before)
    except _TROUBLE as error:
        return place.report(FAILED, False, (_sentence(error),), before)


def _foresee(place: Place, anchor: Anchor, before: Finding, operation: str) -> Report:
    after = place.family.foresee(place.store, anchor, operation)
    if after.state in SETTLED[operation]:
        return place.report(_reached(after), True, after.evidence, before)
    reason = f"It would be {after.state} afterwards: {'; '.join(after.evidence)}."
    return place.report(FAILED, operation == REMOVE, (reason, *after.evidence), before)


def _reached(finding: Finding) -> str:
    return PENDING if finding.awaits else finding.state


def _install(place: Place, anchor: Anchor, before: Finding) -> Report:
    undo = ExitStack()
    try:
        place.family.install(place.store, anchor, before, undo)
        after = place.family.inspect(place.store, anchor)
    except UserNeeded:  # which a family finds out before it changes anything
        raise
    except _TROUBLE as error:
        return _take_back(place, anchor, before, undo, _sentence(error))
    if after.state not in SETTLED[INSTALL]:
        reason = f"After the refresh it is {after.state}, not trusted: {'; '.join(after.evidence)}."
        return _take_back(place, anchor, before, undo, reason)
    undo.pop_all()
    return place.report(_reached(after), True, after.evidence, before)


def _take_back(place: Place, anchor: Anchor, before: Finding, undo: ExitStack, reason: str) -> Report:
    try:
        undo.close()
        restored = place.family.inspect(place.store, anchor)
    except _TROUBLE as error:
        reason = f"{reason} Taking the attempt back failed as well: {_sentence(error)}"
        return place.report(FAILED, True, (reason,), before)
    outcome = "Nothing is left of the attempt." if restored == before else f"It is {restored.state} now."
    return place.report(FAILED, restored != before, (f"{reason} {outcome}", *restored.evidence), before)


def _remove(place: Place, anchor: Anchor, before: Finding) -> Report:
    """Nothing is put back when this fails: an anchor that shall go is better gone in part than trusted again."""
    reason = ""
    try:
        place.family.remove(place.store, [anchor])
    except _TROUBLE as error:
        reason = _sentence(error)
    after = place.family.inspect(place.store, anchor)
    if not reason and after.state in SETTLED[REMOVE]:
        return place.report(_reached(after), True, after.evidence, before)
    reason = reason or f"A trace of it is left: {'; '.join(after.evidence)}."
    return place.report(FAILED, after != before, (reason, *after.evidence), before)


def _purge(place: Place, anchor: Anchor, superseded: Sequence[Anchor], report: Report, check_mode: bool) -> Report:
    """Remove the former anchors from a store, and see that the anchor itself is as it was there."""
    family, store = place.family, place.store
    try:
        found = [(former, family.inspect(store, former)) for former in superseded]
        present = [(former, before) for former, before in found if before.state not in SETTLED[REMOVE]]
        if not present:
            return report
        if store.obstacle:
            return replace(report, state=FAILED, evidence=(f"A former anchor cannot be removed: {store.obstacle}",))
        if check_mode:
            purged = [Purge(former, before, family.foresee(store, former, REMOVE)) for former, before in present]
            after = Finding(report.state, report.evidence)
        else:
            family.remove(store, [former for former, _before in present])
            purged = [Purge(former, before, family.inspect(store, former)) for former, before in present]
            after = family.inspect(store, anchor)
    except _TROUBLE as error:
        reason = f"A former anchor was not removed: {_sentence(error)}"
        return replace(report, state=FAILED, changed=not check_mode, evidence=(reason, *report.evidence))
    settled = report.state
    # What stays in a file of somebody else's was there before, and will be the next time.
    changed = report.changed or any(_differs(purge, check_mode) for purge in purged)
    report = replace(report, changed=changed, state=_reached(after), evidence=after.evidence, purged=tuple(purged))
    left = [purge for purge in purged if purge.after.state not in SETTLED[REMOVE]]
    if left:
        reason = f"A trace of the former anchor {left[0].anchor.name} is left: {'; '.join(left[0].after.evidence)}."
        return replace(report, state=FAILED, evidence=(reason, *after.evidence))
    if report.state != settled:
        reason = f"With its former anchors gone, it is {report.state}: {'; '.join(after.evidence)}."
        return replace(report, state=FAILED, evidence=(reason, *after.evidence))
    return report


def _differs(purge: Purge, check_mode: bool) -> bool:
    # What is foreseen is told in other words than what is found.
    return purge.before.state != purge.after.state if check_mode else purge.before != purge.after


def _sentence(error: Exception) -> str:
    """What went wrong in a store. What nobody foresaw is told by its kind and place, without what it may quote."""
    if isinstance(error, HostError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'} cannot be read or changed: {error.strerror}."
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"There is a defect in {os.path.basename(place.filename)}, line {place.lineno} ({type(error).__name__})."
