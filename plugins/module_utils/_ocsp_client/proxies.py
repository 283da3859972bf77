# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proxy that the environment names for a URL (``http_proxy``, ``https_proxy``, ``no_proxy``)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # not in typeshed

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import NamedTuple
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.errors import FetchError
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.urls import Target

_PORT = 80


class Proxy(NamedTuple):
    """A proxy that is spoken to in HTTP. ``user`` is ``user:password`` as it stands in a URL, "" for none."""

    host: str
    port: int
    user: str

    @property
    def place(self) -> str:
        """How it is called in messages."""
        return f"the proxy {self.host}:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """What a request has for the proxy alone: the user in the way of RFC 7617."""
        if not self.user:
            return {}
        return {"Proxy-Authorization": f"Basic {base64.b64encode(unquote_to_bytes(self.user)).decode()}"}


def proxy_for(target: Target, settings: Mapping[str, str]) -> Proxy | None:
    """The proxy by which ``target`` is asked, None for none. Raises FetchError, which shows no password."""
    setting = settings.get(target.scheme)
    # With a port, and as people write addresses of IPv6 there: without brackets.
    if not setting or any(proxy_bypass_environment(place, settings) for place in (target.authority, target.host)):
        return None
    try:
        parts = urlsplit(setting if "://" in setting else f"http://{setting}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme != "http":
        raise FetchError(
            f"the proxy that {target.scheme}_proxy names in the environment cannot be used: it must be http://host:port"
        )
    return Proxy(host, _PORT if port is None else port, parts.netloc.rpartition("@")[0])
