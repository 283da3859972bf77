# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roots of trust stores other than PEM files: p11-kit's and that of macOS. That of Windows is in ``windows``."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from ansible_collections.anchorage.pki.plugins.module_utils._host.commands import run
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.programs import find_command
from ansible_collections.anchorage.pki.plugins.module_utils._host.regular_files import TooLarge, read_regular_file
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.files import Gathering, Problem
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem import read_pem

if TYPE_CHECKING:
    from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import Mac

P11_KIT = "p11-kit"
_P11_KIT_TIMEOUT = 20.0  # seconds; it takes less than a tenth of one
_EXTRACT = ("extract", "--format=pem-bundle", "--filter=ca-anchors", "--purpose=server-auth")

_MACOS_STORE = "macOS trust settings, domain {}"


def gather_p11_kit(gathering: Gathering, temporary_folder: str | None, search_path: str | None = None) -> None:
    """Add the roots that p11-kit trusts for TLS servers. It is the only source on Linux that knows of distrust.

    Raises HostError where its program is missing or fails.
    """
    program = find_command("trust", search_path)
    if program is None:
        raise HostError(
            "The source p11-kit needs the program trust: install the package p11-kit (p11-kit-trust on RHEL)."
        )
    location = gathering.probe(P11_KIT, "program")
    with tempfile.TemporaryDirectory(dir=temporary_folder) as folder:
        bundle = os.path.join(folder, "roots.pem")  # the program insists on creating the file
        outcome = run([program, *_EXTRACT, bundle], _P11_KIT_TIMEOUT, search_path=search_path)
        if outcome.status != 0:
            raise HostError(f"{program} extract failed: {outcome.last_line}")
        if not os.path.exists(bundle):
            raise HostError(f"{program} extract wrote nothing: {outcome.last_line}")
        try:
            text = read_regular_file(bundle, gathering.largest_file)
        except TooLarge as error:
            raise HostError(f"{program} extract wrote more than {gathering.largest_file} bytes.") from error
    gathering.add_content(read_pem(text), P11_KIT, location)
    location["state"] = "read"


def gather_macos(gathering: Gathering, mac: Mac | None, timeout: float, pauses: tuple[float, ...]) -> None:
    """Add the roots that macOS trusts for TLS servers, by the trust settings of all its domains.

    ``mac`` is this one, unless a test names another. Raises HostError where its libraries give no answer.
    """
    # No other platform needs it.
    from ansible_collections.anchorage.pki.plugins.module_utils._macos.helper import this_mac
    from ansible_collections.anchorage.pki.plugins.module_utils._macos.roots import read_roots
    from ansible_collections.anchorage.pki.plugins.module_utils._macos.trust_settings import DOMAINS

    try:
        trust, gathering.attempts = read_roots(mac or this_mac(), timeout, pauses)
    except HostError as error:
        raise HostError(
            f"The trust settings of macOS cannot be read: {error} Try again, or name a file of roots in PEM with the "
            "environment variable SSL_CERT_FILE."
        ) from error
    locations = {domain: gathering.probe(_MACOS_STORE.format(DOMAINS[domain]), "store") for domain in trust.untrusted}
    for der, domain in trust.roots.items():
        gathering.add(der, locations[domain]["path"])
        locations[domain]["certificates"] += 1
    for domain, location in locations.items():
        location.update(state="read", skipped=trust.untrusted[domain])
    for failure in trust.failures:
        location = locations[failure.domain]
        if failure.whole_domain:
            location["state"], gathering.partial = "unreadable", True
        facts = {name: getattr(failure.status, name) for name in ("code", "name", "advice")} if failure.status else {}
        gathering.problems.append(Problem(location["path"], failure.message, facts=facts))
