# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each server is given to read, byte for byte."""

from __future__ import annotations

import re

import pytest
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.pointers import wanted_pointing
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.servers import HEADER, SERVERS, Named
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
HAPROXY = """\
# Written by Ansible (anchorage.pki.leaf_certificate). Name it as crt-list of a bind line; do not edit it.
/etc/pki/anchorage/app/v3/combined.pem
"""
APACHE = """\
# Written by Ansible (anchorage.pki.leaf_certificate). Include it in a VirtualHost; do not edit it.
SSLCertificateFile "/etc/pki/anchorage/app/v3/fullchain.pem"
SSLCertificateKeyFile "/etc/pki/anchorage/app/v3/privkey.pem"
"""
APACHE_STAPLE = """\
<IfDefine !ANCHORAGE_STAPLING_CACHE>
    Error "Stapling needs a cache: Include /etc/pki/anchorage/app/apache-cache.conf before every VirtualHost."
</IfDefine>
SSLUseStapling on
SSLStaplingForceURL http://127.0.0.1:29477/
SSLStaplingReturnResponderErrors off
SSLStaplingFakeTryLater off
SSLStaplingStandardCacheTimeout 60
SSLStaplingErrorCacheTimeout 60
"""
APACHE_CACHE = """\
# Written by Ansible (anchorage.pki.leaf_certificate). Include it outside and before every VirtualHost; do not edit it.
<IfDefine !ANCHORAGE_STAPLING_CACHE>
    Define ANCHORAGE_STAPLING_CACHE
    SSLStaplingCache shmcb:anchorage-stapling(1048576)
</IfDefine>
"""
CADDY = """\
# Written by Ansible (anchorage.pki.leaf_certificate). Import it in a site block; do not edit it.
tls "/etc/pki/anchorage/app/v3/fullchain.pem" "/etc/pki/anchorage/app/v3/privkey.pem"
"""
FOLDER = "/etc/pki/anchorage"


@pytest.mark.parametrize(
    ("server", "stapled", "files"),
    [
        ("none", True, {}),
        ("none", False, {}),
        ("nginx", True, {"nginx.conf": NGINX + NGINX_STAPLE}),
        ("nginx", False, {"nginx.conf": NGINX}),
        ("haproxy", True, {"haproxy.crt-list": HAPROXY}),
        ("haproxy", False, {"haproxy.crt-list": HAPROXY}),
        ("apache", True, {"apache.conf": APACHE + APACHE_STAPLE, "apache-cache.conf": APACHE_CACHE}),
        ("apache", False, {"apache.conf": APACHE, "apache-cache.conf": APACHE_CACHE}),
        ("caddy", True, {"caddy.conf": CADDY}),
    ],
)
def test_pointer_files(server: str, stapled: bool, files: dict[str, str]) -> None:
    pointing = wanted_pointing(destination_at(FOLDER, server), "app", 3, stapled)
    assert (pointing.current, pointing.files) == ("v3", files)


def test_pointer_files_are_known_as_ours_and_differ_in_name() -> None:
    files = [file for server in SERVERS.values() for file in server.pointer_files]
    assert all(file.render(Named("/v1", "", 80)).startswith(HEADER) for file in files)
    assert len({file.name for file in files}) == len(files)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("character", ['"', "\\", "$", "\n", "\x7f"])
def test_a_path_that_no_configuration_can_hold_is_refused(server: str, character: str) -> None:
    with pytest.raises(HostError, match="holds a character that has a meaning in a server's configuration"):
        destination_at(f"/etc/pki{character}", server)


@pytest.mark.parametrize(
    ("server", "character"), [("haproxy", " "), ("haproxy", "["), ("haproxy", "]"), ("caddy", "{"), ("caddy", "}")]
)
def test_a_path_that_one_configuration_cannot_hold_is_refused_for_it_alone(server: str, character: str) -> None:
    with pytest.raises(HostError, match=re.escape(f"({character!r})")):
        destination_at(f"/etc/pki{character}", server)
    destination_at(f"/etc/pki{character}", "nginx")
