# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Apache reads of a leaf: directives of mod_ssl, and the cache of staples without which it does not start."""

from __future__ import annotations

import posixpath
import re

from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import APACHE_CACHE, FULL_CHAIN, PRIVATE_KEY

_CACHE_DEFINED = "ANCHORAGE_STAPLING_CACHE"
_ASKED_PORT = re.compile(r"^SSLStaplingForceURL http://127\.0\.0\.1:([0-9]{1,5})/$", re.MULTILINE)

#: Of staples, a server has one cache: the first of several leaves brings it.
CACHE = f"""\
<IfDefine !{_CACHE_DEFINED}>
    Define {_CACHE_DEFINED}
    SSLStaplingCache shmcb:anchorage-stapling(1048576)
</IfDefine>
"""


def directives(generation: str, stapled: bool, responder_port: int) -> str:
    """The directives for the leaf in the folder ``generation``, which gets its staple from the responder at a port.

    Apache asks for the staple again at most a minute after it got one or got none. Without a cache it calls the syntax
    of stapling OK and then does not start; so that is an error of syntax here.
    """
    lines = [
        f'SSLCertificateFile "{generation}/{FULL_CHAIN}"',
        f'SSLCertificateKeyFile "{generation}/{PRIVATE_KEY}"',
    ]
    if stapled:
        cache = posixpath.join(posixpath.dirname(generation), APACHE_CACHE)
        lines += [
            f"<IfDefine !{_CACHE_DEFINED}>",
            f'    Error "Stapling needs a cache: Include {cache} before every VirtualHost."',
            "</IfDefine>",
            "SSLUseStapling on",
            f"SSLStaplingForceURL http://127.0.0.1:{responder_port}/",
            "SSLStaplingReturnResponderErrors off",
            "SSLStaplingFakeTryLater off",
            "SSLStaplingStandardCacheTimeout 60",
            "SSLStaplingErrorCacheTimeout 60",
        ]
    return "\n".join(lines) + "\n"


def asked_port(text: str) -> int:
    """The port of the host's own responder in the content of a pointer file, 0 where it names none."""
    found = _ASKED_PORT.search(text)
    return int(found.group(1)) if found else 0
