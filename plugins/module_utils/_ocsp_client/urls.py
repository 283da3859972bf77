# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URLs of responders: which ones are asked at all, and how a request becomes a part of one."""

from __future__ import annotations

import base64
import re
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, urljoin, urlsplit

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import TYPE_CHECKING, NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.errors import FetchError
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.messages import LONGEST_URL

if TYPE_CHECKING:
    from urllib.parse import SplitResult

HTTPS = "https"
# The schemes that OCSP is defined for, and their ports. Any other port is permitted: responders have many.
_PORTS = {"http": 80, HTTPS: 443}
# Bytes of a whole URL, up to which a request is sent by GET, so that what lies between can keep the answer
# (RFC 5019, section 5).
LONGEST_GET = 255
_PRINTABLE = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_URL}}}")
# As many systems have them in their names of hosts, hence with underscores.
_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")
# How a resolver takes a name for an IPv4 address: its last part is a number, decimal or not.
_NUMERIC = re.compile(r"(.*\.)?([0-9]+|0[xX][0-9a-fA-F]*)")


class Target(NamedTuple):
    """What is asked for: ``host`` is a name, or an address without brackets; ``path`` has the query in it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def place(self) -> str:
        """Host and port as in the URL, the port only where it is not the scheme's own: for HTTP, and for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def authority(self) -> str:
        """Host and port, the port always."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.place}{self.path}"


def parse_url(url: str) -> Target:
    """What the URL asks for. Raises FetchError unless it is a plain one of http or https."""
    if not _PRINTABLE.fullmatch(url):
        raise FetchError(f"the URL has more than {LONGEST_URL} characters, or one that is not printable ASCII, or none")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise FetchError(f"the URL {url} cannot be read") from None
    if parts.scheme not in _PORTS:
        raise FetchError(f"the URL {url} is not one of http or https")
    if "@" in parts.netloc:  # the URL has a password in it, so it is not shown
        raise FetchError(f"the URL names a user at {host}, and nobody logs in to a responder")
    if not _is_host(parts, host):
        raise FetchError(f"the URL {url} has neither a host's name nor an address in it")
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme, host, _PORTS[parts.scheme] if port is None else port, path + query)


def _is_host(parts: SplitResult, host: str) -> bool:
    try:
        if "[" in parts.netloc:
            # The zone of an address, after "%", has a meaning for link-local ones alone.
            return "%" not in host and bool(IPv6Address(host))
        if _NUMERIC.fullmatch(host):
            return bool(IPv4Address(host))
    except ValueError:
        return False
    return bool(_NAME.fullmatch(host))


def redirected(target: Target, location: str) -> Target:
    """What a redirect leads to. Raises FetchError."""
    if not _PRINTABLE.fullmatch(location):
        raise FetchError(f"{target.place} redirects to no URL")
    try:
        following = parse_url(urljoin(target.url, location))
    except ValueError:
        raise FetchError(f"{target.place} redirects to a URL that cannot be read") from None
    except FetchError as error:
        raise FetchError(f"{target.place} redirects, and {error}") from error
    if target.scheme == HTTPS and following.scheme != HTTPS:
        raise FetchError(f"{target.place} redirects from https to http")
    return following


def with_request(target: Target, request: bytes) -> Target | None:
    """The URL by which GET asks (RFC 6960, section A.1), or None where the request has to be sent by POST.

    The base64 is escaped, since most requests have a slash or a plus in it. To a query nothing can be appended.
    """
    if "?" in target.path:
        return None
    path = f"{target.path.rstrip('/')}/{quote(base64.b64encode(request), safe='')}"
    asking = Target(target.scheme, target.host, target.port, path)
    return asking if len(asking.url) <= LONGEST_GET else None
