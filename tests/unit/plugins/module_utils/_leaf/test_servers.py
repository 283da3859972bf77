# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each server is given to read, byte for byte."""

from __future__ import annotations

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import wanted_pointing
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import HEADER, SERVERS
from ansible_collections.anchorage.pki.tests.unit.leaves import destination_at

NGINX = """\
# Written by Ansible (anchorage.pki.leaf_certificate). Include it in a server block; do not edit it.
ssl_certificate "/etc/pki/anchorage/app/v3/fullchain.pem";
ssl_certificate_key "/etc/pki/anchorage/app/v3/privkey.pem";
"""
NGINX_STAPLE = """\
ssl_stapling on;
ssl_stapling_file "/etc/pki/anchorage/app/v3/staple.der";
"""
FOLDER = "/etc/pki/anchorage"


@pytest.mark.parametrize(
    ("server", "stapled", "files"),
    [
        ("none", True, {}),
        ("none", False, {}),
        ("nginx", True, {"nginx.conf": NGINX + NGINX_STAPLE}),
        ("nginx", False, {"nginx.conf": NGINX}),
    ],
)
def test_pointer_files(server: str, stapled: bool, files: dict[str, str]) -> None:
    pointing = wanted_pointing(destination_at(FOLDER, server), "app", 3, stapled)
    assert (pointing.current, pointing.files) == ("v3", files)


def test_pointer_files_are_known_as_ours_and_differ_in_name() -> None:
    files = [file for server in SERVERS.values() for file in server.pointer_files]
    assert all(file.render("/v1", "").startswith(HEADER) for file in files)
    assert len({file.name for file in files}) == len(files)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("character", ['"', "\\", "$", "\n", "\x7f"])
def test_a_path_that_no_configuration_can_hold_is_refused(server: str, character: str) -> None:
    with pytest.raises(HostError, match="holds a character that has a meaning in a server's configuration"):
        destination_at(f"/etc/pki{character}", server)
