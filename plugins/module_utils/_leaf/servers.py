# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers that leaves can be deployed for, one row each: what they read, and what has to be true of it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple, dataclass
from ansible_collections.anchorage.pki.plugins.module_utils._leaf.files import (
    COMBINED,
    COMBINED_STAPLE,
    FULL_CHAIN,
    PRIVATE_KEY,
    STAPLE,
)

# How every pointer file begins: that of a leaf, and that of a staple alone.
WRITTEN = "# Written by Ansible (anchorage.pki."
HEADER = f"{WRITTEN}leaf_certificate)."
STAPLE_HEADER = f"{WRITTEN}ocsp_staple)."


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


class Control(NamedTuple):
    """The command that tests the configuration, and the systemd unit, as one family of systems has them."""

    test: tuple[str, ...]
    unit: str


@dataclass(frozen=True)
class Server:
    """What sets one kind of server apart.

    ``pointer_files`` are for leaves, ``staple_pointer_files`` for staples of certificates that are not ours;
    ``beside_certificate`` is what follows the path of such a certificate where the server looks for its staple there.
    ``staple_file`` is the file of a generation from which it takes its staple, "" where that is not known or not so;
    with ``asks_responder`` it gets its content from the host's own responder. ``fetches_staples`` is a server that
    takes a staple from the URL in a certificate only. One that ``serves_expired`` staples has to be told of their end;
    with ``one_staple`` it sends the same staple with each of the certificates that it has for a name.
    ``unquotable`` finds what a path in its configuration cannot hold. Of ``controls``, a host has one.
    """

    pointer_files: tuple[PointerFile, ...] = ()
    staple_pointer_files: tuple[PointerFile, ...] = ()
    beside_certificate: str = ""
    staple_file: str = ""
    asks_responder: bool = False
    fetches_staples: bool = False
    serves_expired: bool = False
    one_staple: bool = False
    # Quotation mark, backslash, dollar sign, control characters. Without a server too, as one may be chosen later.
    unquotable: re.Pattern[str] = re.compile(r"[\x00-\x1f\x7f\"\\$]")
    controls: tuple[Control, ...] = ()


def _nginx(named: Named) -> str:
    """The directives of ngx_http_ssl_module; nginx reads ssl_stapling_file as DER."""
    lines = [
        f"{HEADER} Include it in a server block; do not edit it.",
        f'ssl_certificate "{named.generation}/{FULL_CHAIN}";',
        f'ssl_certificate_key "{named.generation}/{PRIVATE_KEY}";',
    ]
    return "\n".join([*lines, *_nginx_stapling(named)]) + "\n"


def _nginx_staple(named: Named) -> str:
    """The same without the certificate. Without a staple it says nothing: nginx needs the file that it includes."""
    header = f"{STAPLE_HEADER} Include it in the server block of the certificate; do not edit it."
    return "\n".join([header, *_nginx_stapling(named)]) + "\n"


def _nginx_stapling(named: Named) -> list[str]:
    return ["ssl_stapling on;", f'ssl_stapling_file "{named.staple}";'] if named.staple else []


def _haproxy(named: Named) -> str:
    """A crt-list. HAProxy looks for the staple beside the PEM file itself."""
    return f"{HEADER} Name it as crt-list of a bind line; do not edit it.\n{named.generation}/{COMBINED}\n"


_APACHE_CACHE = "apache-cache.conf"
_CACHE_DEFINED = "ANCHORAGE_STAPLING_CACHE"
_ASKED_PORT = re.compile(r"^SSLStaplingForceURL http://127\.0\.0\.1:([0-9]{1,5})/$", re.MULTILINE)


def _apache(named: Named) -> str:
    """The directives of mod_ssl. It asks for the staple again at most a minute after it got one or got none.

    Without a cache Apache calls the syntax of stapling OK and then does not start; so that is an error of syntax here.
    """
    lines = [
        f"{HEADER} Include it in a VirtualHost; do not edit it.",
        f'SSLCertificateFile "{named.generation}/{FULL_CHAIN}"',
        f'SSLCertificateKeyFile "{named.generation}/{PRIVATE_KEY}"',
    ]
    if named.staple:
        cache = posixpath.join(posixpath.dirname(named.generation), _APACHE_CACHE)
        lines += [
            f"<IfDefine !{_CACHE_DEFINED}>",
            f'    Error "Stapling needs a cache: Include {cache} before every VirtualHost."',
            "</IfDefine>",
            "SSLUseStapling on",
            f"SSLStaplingForceURL http://127.0.0.1:{named.responder_port}/",
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


def _apache_cache(_named: Named) -> str:
    """The cache of staples, of which a server has one: the first of several leaves brings it."""
    lines = [
        f"{HEADER} Include it outside and before every VirtualHost; do not edit it.",
        f"<IfDefine !{_CACHE_DEFINED}>",
        f"    Define {_CACHE_DEFINED}",
        "    SSLStaplingCache shmcb:anchorage-stapling(1048576)",
        "</IfDefine>",
    ]
    return "\n".join(lines) + "\n"


def _caddy(named: Named) -> str:
    """The directive tls of a Caddyfile."""
    files = f'"{named.generation}/{FULL_CHAIN}" "{named.generation}/{PRIVATE_KEY}"'
    return f"{HEADER} Import it in a site block; do not edit it.\ntls {files}\n"


_HAPROXY_TEST = ("haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg")

# The choices of the option ``server``.
SERVERS: Mapping[str, Server] = {
    # Programs that follow ``current``, of which nothing else is known.
    "none": Server(serves_expired=True),
    # It validates no staple; its test misses a key of another type than the certificate's.
    "nginx": Server(
        pointer_files=(PointerFile("nginx.conf", _nginx),),
        staple_pointer_files=(PointerFile("nginx.conf", _nginx_staple),),
        staple_file=STAPLE,
        serves_expired=True,
        one_staple=True,
        controls=(Control(("nginx", "-t"), "nginx"),),
    ),
    # Of a staple it matches the CertID and keeps the end, 300 seconds early; its test and its reload refuse a bad key.
    "haproxy": Server(
        pointer_files=(PointerFile("haproxy.crt-list", _haproxy),),
        beside_certificate=".ocsp",
        staple_file=COMBINED_STAPLE,
        # Words of a crt-list end at white space and brackets, and nothing quotes those.
        unquotable=re.compile(r"[\x00-\x20\x7f\"\\$\[\]]"),
        controls=(
            Control((*_HAPROXY_TEST, "-f", "/etc/haproxy/conf.d"), "haproxy"),
            Control(_HAPROXY_TEST, "haproxy"),
        ),
    ),
    # It validates next to nothing: the responder does that, and its test passes any key, with which a reload ends it.
    "apache": Server(
        pointer_files=(PointerFile("apache.conf", _apache), PointerFile(_APACHE_CACHE, _apache_cache)),
        staple_file=STAPLE,
        asks_responder=True,
        controls=(
            Control(("apache2ctl", "-t"), "apache2"),  # Debian
            Control(("apachectl", "-t"), "httpd"),  # Red Hat, Arch
            Control(("apachectl", "-t"), "apache2"),
        ),
    ),
    # It validates what it fetches. No "caddy validate": run by root, that makes log files which Caddy cannot write.
    "caddy": Server(
        pointer_files=(PointerFile("caddy.conf", _caddy),),
        fetches_staples=True,
        # Braces are placeholders.
        unquotable=re.compile(r"[\x00-\x1f\x7f\"\\${}]"),
        controls=(Control(("caddy", "adapt", "--config", "/etc/caddy/Caddyfile"), "caddy"),),
    ),
}

# Those that can be shown a staple of a certificate that is not ours: the others fetch one by themselves.
STAPLE_SERVERS = tuple(
    name for name, row in SERVERS.items() if not row.pointer_files or row.staple_pointer_files or row.beside_certificate
)
