# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The native roots: what the machine itself trusts for TLS servers, read as completely as possible.

Best effort: what can be read is returned, and a report says what was looked at and what could not be read.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.text import encodable
from ansible_collections.anchorage.pki.plugins.module_utils._macos.attempts import PAUSES
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.files import (
    LARGEST_FILE,
    Gathering,
    gather_file,
    gather_folder,
)
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.locations import (
    FILE_VARIABLE,
    FOLDER_VARIABLE,
    Candidates,
    candidate_locations,
    configured_locations,
)
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.stores import (
    P11_KIT,
    gather_macos,
    gather_p11_kit,
)

if TYPE_CHECKING:
    from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import Mac
    from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.windows import EnumerateStore

PLATFORM = "platform"
SOURCES = (PLATFORM, P11_KIT)
_EMPTY_PATH = "an empty path"


class Limits(NamedTuple):
    """How large a file may be, how often what may be a transient error is tried, and the seconds between; on macOS, how
    many seconds its libraries have for one attempt, and those before each further one."""

    largest_file: int = LARGEST_FILE
    attempts: int = 3
    pause: float = 0.05
    macos_timeout: float = 20.0  # a call of theirs gives up after five
    macos_pauses: tuple[float, ...] = PAUSES


DEFAULT_LIMITS = Limits()


class NativeRoots(NamedTuple):
    """Each root's DER with the paths it was found at, in the order of reading, and a report of plain types."""

    roots: dict[bytes, list[str]]
    report: dict[str, Any]


def load(
    source: str,
    environment: Mapping[str, str],
    platform: str = sys.platform,
    root: str = "",
    temporary_folder: str | None = None,
    search_path: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    mac: Mac | None = None,
    windows: EnumerateStore | None = None,
) -> NativeRoots:
    """The roots of one of ``SOURCES``, the platform's below the folder ``root``, on macOS those of ``mac``, on Windows
    those that ``windows`` enumerates.

    What a source needs to write goes to ``temporary_folder``, by default the system's. Programs are looked for in
    ``search_path``. Raises HostError where the source cannot be read at all; all other errors are in the report.
    """
    started = time.perf_counter()
    attempts: list[Gathering] = []
    while True:
        gathering = Gathering(limits.largest_file)
        if source == P11_KIT:
            gather_p11_kit(gathering, temporary_folder, search_path)
        else:
            _gather_platform(gathering, environment, platform, root, limits, mac, windows)
        attempts.append(gathering)
        if len(attempts) == limits.attempts or not any(problem.transient for problem in gathering.problems):
            break
        time.sleep(limits.pause)
    best = min(attempts, key=lambda attempt: len(attempt.problems))
    report = _report(source, environment, platform, best)
    report["attempts"] = sum(attempt.attempts for attempt in attempts)
    report["milliseconds"] = round((time.perf_counter() - started) * 1000, 1)
    return NativeRoots(best.roots, report)


def _report(source: str, environment: Mapping[str, str], platform: str, gathering: Gathering) -> dict[str, Any]:
    return {
        "source": source,
        "platform": platform,
        "variables": {
            name: encodable(environment[name]) for name in (FILE_VARIABLE, FOLDER_VARIABLE) if name in environment
        },
        "locations": gathering.locations,
        "errors": [
            {"path": problem.path, "message": problem.message, **problem.facts} for problem in gathering.problems
        ],
        "partial": gathering.partial,
        "certificates": len(gathering.roots),
    }


def _gather_platform(
    gathering: Gathering,
    environment: Mapping[str, str],
    platform: str,
    root: str,
    limits: Limits,
    mac: Mac | None,
    windows: EnumerateStore | None,
) -> None:
    configured = configured_locations(environment)
    if configured:
        if configured.file is not None:
            gather_file(configured.file, gathering, required=True)
        for folder in configured.folders:
            gather_folder(folder, gathering, required=True)
    elif platform == "win32":
        # No other platform needs it.
        from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.windows import (
            enumerate_store,
            gather_windows,
        )

        gather_windows(gathering, datetime.now(timezone.utc), windows or enumerate_store())
    elif platform == "darwin":
        gather_macos(gathering, mac, limits.macos_timeout, limits.macos_pauses)
    else:
        _gather_candidates(gathering, candidate_locations(platform), root)


def _gather_candidates(gathering: Gathering, candidates: Candidates, root: str) -> None:
    for file in candidates.files:
        gather_file(f"{root}{file}", gathering, required=False)
        if os.path.exists(f"{root}{file}"):  # one that cannot even be looked at hides no other
            break
    for folder in candidates.folders:
        gather_folder(f"{root}{folder}", gathering, required=False)


def require_no_errors(report: Mapping[str, Any]) -> None:
    """Raise HostError that lists all errors of ``report``, if there are any."""
    if report["errors"]:
        raise HostError(f"The native roots were not read completely: {_joined_errors(report)}.")


def require_whole(report: Mapping[str, Any]) -> None:
    """Raise HostError that lists all errors of ``report``, if it is of a part of the roots only."""
    if report["partial"]:
        raise HostError(
            "Only a part of the native roots could be read. Others may be missing, and what the rest distrusts may be "
            f"among them: {_joined_errors(report)}"
        )


def require_roots(report: Mapping[str, Any]) -> None:
    """Raise HostError that says where roots were looked for, if there are none."""
    if report["certificates"]:
        return
    looked_at = "; ".join(f"{place['path'] or _EMPTY_PATH} ({place['state']})" for place in report["locations"])
    errors = f" Errors: {_joined_errors(report)}." if report["errors"] else ""
    advice = (
        f"Name a file or folder of roots in PEM with {' or '.join(report['variables'])}, or unset it."
        if report["variables"]
        else "Install the package ca-certificates, or name a file of roots in PEM with the environment variable "
        "SSL_CERT_FILE."
    )
    raise HostError(f"No native root was found in: {looked_at}.{errors} {advice}")


def error_line(error: Mapping[str, str]) -> str:
    """One of the errors of a report as text: where, and what."""
    return f"{error['path'] or _EMPTY_PATH}: {error['message']}"


def _joined_errors(report: Mapping[str, Any]) -> str:
    return "; ".join(map(error_line, report["errors"]))
