# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers that leaves can be deployed for, one row each: what they read, and what has to be true of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple, dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import (
    APACHE_CACHE,
    COMBINED,
    COMBINED_STAPLE,
    FULL_CHAIN,
    PRIVATE_KEY,
    STAPLE,
)

# How every pointer file begins, and that of a leaf.
WRITTEN = "# Written by Ansible (anchorage.pki."
HEADER = f"{WRITTEN}leaf_certificate)."


class Named(NamedTuple):
    """What a pointer file names: the paths of the generation's folder and of the staple in it ("" for none), and the
    port at which the host's own responder listens."""

    generation: str
    staple: str
    responder_port: int


@dataclass(frozen=True)
class PointerFile:
    """A file in the leaf's folder that a server's configuration includes. ``render`` makes its content."""

    name: str
    render: Callable[[Named], str]


@dataclass(frozen=True)
class Server:
    """What sets one kind of server apart.

    ``staple_file`` is the file of a generation from which it takes its staple, "" where that is not known or not so;
    with ``asks_responder`` it gets its content from the host's own responder. ``fetches_staples`` is a server that
    takes a staple from the URL in a certificate only. One that ``serves_expired`` staples has to be told of their end;
    with ``one_staple`` it sends the same staple with each of the certificates that it has for a name.
    ``unquotable`` finds what a path in its configuration cannot hold.
    """

    pointer_files: tuple[PointerFile, ...] = ()
    staple_file: str = ""
    asks_responder: bool = False
    fetches_staples: bool = False
    serves_expired: bool = False
    one_staple: bool = False
    # Quotation mark, backslash, dollar sign, control characters. Without a server too, as one may be chosen later.
    unquotable: re.Pattern[str] = re.compile(r"[\x00-\x1f\x7f\"\\$]")


def _nginx(named: Named) -> str:
    """The directives of ngx_http_ssl_module; nginx reads ssl_stapling_file as DER."""
    lines = [
        f"{HEADER} Include it in a server block; do not edit it.",
        f'ssl_certificate "{named.generation}/{FULL_CHAIN}";',
        f'ssl_certificate_key "{named.generation}/{PRIVATE_KEY}";',
    ]
    return "\n".join([*lines, *nginx_stapling(named)]) + "\n"


def nginx_stapling(named: Named) -> list[str]:
    """The directives for the staple alone, none where there is none."""
    return ["ssl_stapling on;", f'ssl_stapling_file "{named.staple}";'] if named.staple else []


def _haproxy(named: Named) -> str:
    """A crt-list. HAProxy looks for the staple beside the PEM file itself."""
    return f"{HEADER} Name it as crt-list of a bind line; do not edit it.\n{named.generation}/{COMBINED}\n"


def _apache(named: Named) -> str:
    """The directives of mod_ssl, which no host needs that has another server."""
    from ansible_collections.anchorage.pki.plugins.module_utils._leaf import apache

    directives = apache.directives(named.generation, bool(named.staple), named.responder_port)
    return f"{HEADER} Include it in a VirtualHost; do not edit it.\n{directives}"


def _apache_cache(_named: Named) -> str:
    from ansible_collections.anchorage.pki.plugins.module_utils._leaf import apache

    return f"{HEADER} Include it outside and before every VirtualHost; do not edit it.\n{apache.CACHE}"


def _caddy(named: Named) -> str:
    """The directive tls of a Caddyfile."""
    files = f'"{named.generation}/{FULL_CHAIN}" "{named.generation}/{PRIVATE_KEY}"'
    return f"{HEADER} Import it in a site block; do not edit it.\ntls {files}\n"


# The choices of the option ``server``.
SERVERS: Mapping[str, Server] = {
    # Programs that follow ``current``, of which nothing else is known.
    "none": Server(serves_expired=True),
    # It validates no staple; its test misses a key of another type than the certificate's.
    "nginx": Server(
        pointer_files=(PointerFile("nginx.conf", _nginx),),
        staple_file=STAPLE,
        serves_expired=True,
        one_staple=True,
    ),
    # Of a staple it matches the CertID and keeps the end, 300 seconds early; its test and its reload refuse a bad key.
    "haproxy": Server(
        pointer_files=(PointerFile("haproxy.crt-list", _haproxy),),
        staple_file=COMBINED_STAPLE,
        # Words of a crt-list end at white space and brackets, and nothing quotes those.
        unquotable=re.compile(r"[\x00-\x20\x7f\"\\$\[\]]"),
    ),
    # It validates next to nothing: the responder does that, and its test passes any key, with which a reload ends it.
    "apache": Server(
        pointer_files=(PointerFile("apache.conf", _apache), PointerFile(APACHE_CACHE, _apache_cache)),
        staple_file=STAPLE,
        asks_responder=True,
    ),
    # It validates what it fetches.
    "caddy": Server(
        pointer_files=(PointerFile("caddy.conf", _caddy),),
        fetches_staples=True,
        # Braces are placeholders.
        unquotable=re.compile(r"[\x00-\x1f\x7f\"\\${}]"),
    ),
}
