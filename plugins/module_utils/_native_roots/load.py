# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The native roots: what the machine itself trusts for TLS servers, read as completely as it can be.

Best effort: what can be read is returned, and a report tells what was looked at and what could not be read.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots import locations as root_probes
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.files import (
    Gathering,
    gather_file,
    gather_folder,
    printable,
)
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.stores import (
    P11_KIT,
    gather_macos,
    gather_p11_kit,
    gather_windows,
)

PLATFORM = "platform"
SOURCES = (PLATFORM, P11_KIT)
_ATTEMPTS = 3
_PAUSE = 0.05  # seconds
_NAMELESS = "a file without a name"


class NativeRoots(NamedTuple):
    """Each root's DER with the places where it was found, in the order of reading, and a report of plain types."""

    roots: dict[bytes, list[str]]
    report: dict[str, Any]


def load(
    source: str,
    environment: Mapping[str, str],
    platform: str = sys.platform,
    root: str = "",
    temporary_folder: str | None = None,
) -> NativeRoots:
    """The roots of one of ``SOURCES``, the platform's below the folder ``root``.

    What a source needs to write lies in ``temporary_folder``, by default the system's.
    What may be a passing trouble is tried again. Raises HostError where the source cannot be read at all; what it
    lacks otherwise is told by the report.
    """
    started = time.perf_counter()
    attempts: list[Gathering] = []
    while True:
        gathering = Gathering()
        if source == P11_KIT:
            gather_p11_kit(gathering, temporary_folder)
        else:
            _gather_platform(gathering, environment, platform, root)
        attempts.append(gathering)
        if len(attempts) == _ATTEMPTS or not any(problem.transient for problem in gathering.problems):
            break
        time.sleep(_PAUSE)
    best = min(attempts, key=lambda attempt: len(attempt.problems))
    return NativeRoots(
        best.roots,
        {
            "source": source,
            "platform": platform,
            "variables": {
                name: printable(environment[name])
                for name in (root_probes.FILE_VARIABLE, root_probes.FOLDER_VARIABLE)
                if name in environment
            },
            "places": best.places,
            "errors": [{"path": problem.path, "message": problem.message} for problem in best.problems],
            "certificates": len(best.roots),
            "attempts": len(attempts),
            "milliseconds": round((time.perf_counter() - started) * 1000, 1),
        },
    )


def _gather_platform(gathering: Gathering, environment: Mapping[str, str], platform: str, root: str) -> None:
    chosen = root_probes.chosen(environment)
    if chosen:
        if chosen.file is not None:
            gather_file(chosen.file, gathering, required=True)
        for folder in chosen.folders:
            gather_folder(folder, gathering, required=True)
    elif platform == "win32":
        gather_windows(gathering, datetime.now(timezone.utc))
    elif platform == "darwin":
        gather_macos(gathering)
    else:
        _gather_candidates(gathering, root_probes.candidates(platform), root)


def _gather_candidates(gathering: Gathering, candidates: root_probes.Candidates, root: str) -> None:
    for file in candidates.files:
        gather_file(f"{root}{file}", gathering, required=False)
        if os.path.exists(f"{root}{file}"):  # one that cannot even be looked at hides no other
            break
    for folder in candidates.folders:
        gather_folder(f"{root}{folder}", gathering, required=False)


def require_flawless(report: Mapping[str, Any]) -> None:
    """Raise HostError that tells every error of ``report``, if there is one."""
    if report["errors"]:
        raise HostError(f"The native roots were not read completely: {_told(report['errors'])}.")


def require_some(report: Mapping[str, Any]) -> None:
    """Raise HostError that tells where roots were looked for, if there are none."""
    if report["certificates"]:
        return
    places = "; ".join(f"{place['path'] or _NAMELESS} ({place['state']})" for place in report["places"])
    errors = f" Errors: {_told(report['errors'])}." if report["errors"] else ""
    advice = (
        f"Name a file or folder of roots in PEM with {' or '.join(report['variables'])}, or unset it."
        if report["variables"]
        else "Install the package ca-certificates, or name a file of roots in PEM with the environment variable "
        "SSL_CERT_FILE."
    )
    raise HostError(f"No native root was found in: {places}.{errors} {advice}")


def _told(errors: list[dict[str, str]]) -> str:
    return "; ".join(f"{error['path'] or _NAMELESS}: {error['message']}" for error in errors)
