# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making the link by which HAProxy finds a staple, and removing it."""

from __future__ import annotations

import os

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_changes import replace_link
from ansible_collections.anchorage.pki.plugins.module_utils._host.safe_files import opened_folder
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.destination import Destination
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_staple.link import (
    link_path,
    link_problem,
    link_target,
    links_to,
    names_staple,
)


def make_link(destination: Destination, name: str, certificate: str) -> bool:
    """Have the link where the server looks for one; whether it was made. Raises HostError, OSError."""
    path, target = link_path(destination, certificate), link_target(destination, name)
    if not path or names_staple(path, target):
        return False
    check_link(destination, name, certificate)
    with opened_folder(os.path.dirname(path)) as folder:
        if folder is None:
            raise HostError(f"certificate: the folder of {certificate} is missing.")
        replace_link(folder, os.path.basename(path), target)
    return True


def check_link(destination: Destination, name: str, certificate: str) -> None:
    """Raise HostError where the link has no place. Changes nothing."""
    problem = link_problem(destination, name, certificate)
    if problem:
        raise HostError(f"{problem}.")


def remove_links(destination: Destination, name: str, certificate: str, check_mode: bool = False) -> bool:
    """Remove every link to the staple beside the certificate; whether there was one. Raises HostError, OSError."""
    if not os.path.isabs(certificate):
        return False
    found = links_to(link_target(destination, name), certificate)
    for path in found if not check_mode else []:
        _remove(path)
    return bool(found)


def _remove(path: str) -> None:
    with opened_folder(os.path.dirname(path), foreign=True) as folder:
        if folder is not None:
            os.unlink(os.path.basename(path), dir_fd=folder)
