# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The link beside a certificate by which HAProxy finds its staple.

It names ``current``, so that it never changes. HAProxy compares a staple with the certificate, and takes a link that
leads nowhere for no staple.
"""

from __future__ import annotations

import os
import re

from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import STAPLE
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import CURRENT
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.staple_servers import STAPLE_SERVERS

# What a link of this collection names: the staple in use of a folder.
_STAPLE = re.compile(rf"(/.+)/{CURRENT}/{re.escape(STAPLE)}")


def link_path(destination: Destination, certificate: str) -> str:
    """The path of the link, "" where the server looks for none."""
    suffix = STAPLE_SERVERS[destination.server].beside_certificate
    return f"{certificate}{suffix}" if suffix else ""


def link_target(destination: Destination, name: str) -> str:
    """What the link of a staple names."""
    return os.path.join(destination.folder(name), CURRENT, STAPLE)


def link_drift(destination: Destination, name: str, certificate: str) -> list[str]:
    """What is wrong with the link, as a sentence. Raises HostError, OSError."""
    path, target = link_path(destination, certificate), link_target(destination, name)
    if path:
        return [] if names_staple(path, target) else [f"{path} is not a link to {target}"]
    return [f"{other} is left over from another choice of server" for other in links_to(target, certificate)]


def link_problem(destination: Destination, name: str, certificate: str) -> str:
    """Why the link has no place, which the user has to put right: a sentence without its end, "" where it has one."""
    path = link_path(destination, certificate)
    if not path:
        return ""
    folder = os.path.dirname(certificate)
    if os.path.basename(os.path.dirname(folder)) == "live" and os.path.isdir(f"{folder}/../../archive"):
        return (
            f"certificate: {folder} belongs to an ACME client, and {destination.server} would look for the staple in "
            "it. Name the PEM file that its configuration names, with certificate and key, in a folder of your own"
        )
    if not os.path.lexists(path):
        return ""
    found = _STAPLE.fullmatch(os.readlink(path)) if os.path.islink(path) else None
    if found is None:
        return f"{path} is there already, and is no link to a staple: move it elsewhere first"
    folder = found.group(1)
    if folder == destination.folder(name) or not os.path.isdir(folder):
        return ""
    return (
        f"{path} leads to the staple in {folder}, and a certificate has one staple. Remove that first, with "
        f"state: absent, name: {os.path.basename(folder)}, destination: {os.path.dirname(folder)}"
    )


def links_to(target: str, certificate: str) -> list[str]:
    """The paths of the links beside the certificate that have this target. Raises HostError, OSError."""
    suffixes = {server.beside_certificate for server in STAPLE_SERVERS.values()} - {""}
    return [path for path in (f"{certificate}{suffix}" for suffix in sorted(suffixes)) if names_staple(path, target)]


def names_staple(path: str, target: str) -> bool:
    """Whether the link at ``path`` has this target. Raises HostError, OSError."""
    with opened_folder(os.path.dirname(path), foreign=True) as folder:
        try:
            return folder is not None and os.readlink(os.path.basename(path), dir_fd=folder) == target
        except OSError:  # nothing, or a file
            return False
