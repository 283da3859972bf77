# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Anchors by URL, downloaded by the controller, once a run for all hosts.

Proxies, netrc and the controller's own trust are as for Ansible's other downloads. What protects an anchor is not the
connection, but its fingerprint, which every task compares.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import time
from netrc import NetrcParseError
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, urlsplit

from ansible.module_utils.urls import ConnectionError as UrlError
from ansible.module_utils.urls import open_url
from ansible_collections.anchorage.pki.plugins.module_utils._host.text import single_line
from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import is_whole_der
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import to_pem
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.run_cache import share_value

# Seconds: until a silent server is given up, and for the whole download.
SILENCE, LONGEST_DOWNLOAD = 20.0, 60.0
# As long, all hosts of a run are told of a failure without another attempt; a task that is retried makes a new one.
FAILURE_SHARED = 30.0
_CHUNK = 64 * 1024
_LONGEST_REASON = 200
# What no URL has as it is, and what an error of http.client would quote, with what is secret in the URL.
_UNESCAPED = re.compile(r"[\x00-\x20\x7f]")


def download(url: str, source: str, largest: int, run_folder: Path) -> bytes:
    """The certificate at ``url`` in PEM, which may be served in DER; at most so many bytes. ``source`` names the option
    in errors. Raises PkiError."""
    address = _address(url, source)
    name = hashlib.sha256(url.encode()).hexdigest()

    def is_current(value: dict[str, Any]) -> bool:
        return not value["failure"] or 0 <= time.time() - value["at"] < FAILURE_SHARED

    def make(_former: Any) -> dict[str, Any]:
        try:
            content, failure = _fetched(url, largest), ""
        except _DownloadError as error:
            content, failure = b"", str(error)
        return {"content": base64.b64encode(content).decode(), "failure": failure, "at": time.time()}

    value = share_value(run_folder / "anchorage.pki" / f"{name}.anchor.json", is_current, make)
    if value["failure"]:
        raise PkiError(f"{source}: cannot be downloaded from {address.hostname}: {value['failure']}.")
    content = base64.b64decode(value["content"])
    return to_pem(content).encode() if is_whole_der(content) else content


def shown_url(url: str) -> str:
    """The URL without what may be a secret in it: a password, or a token in its query."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        return "that is none"


class _DownloadError(Exception):
    """Why a download failed, as the end of a sentence."""


def _address(url: str, source: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and (parts.port or True)
        known = known and not _UNESCAPED.search(url)
    except ValueError:
        known = False
    if not known:
        raise PkiError(f"{source}: is no URL to download from. Give one that begins with https:// or http://.")
    return parts


def _fetched(url: str, largest: int) -> bytes:
    deadline = time.monotonic() + LONGEST_DOWNLOAD
    content = b""
    try:
        # Unpacked by nobody: a few bytes could become as many as one likes. What netrc has is for this server alone.
        secret = ["Authorization"]
        with open_url(
            url, timeout=SILENCE, follow_redirects="safe", decompress=False, unredirected_headers=secret
        ) as response:
            while part := response.read1(_CHUNK):
                content += part
                if len(content) > largest:
                    raise _DownloadError(f"it is larger than {largest} bytes, so that it is no certificate")
                if time.monotonic() > deadline:
                    raise _DownloadError(f"it takes longer than {LONGEST_DOWNLOAD:.0f} seconds")
    except HTTPError as error:
        raise _DownloadError(f"the server answers {error.code} ({_line(error.reason)})") from error
    except URLError as error:
        raise _DownloadError(_line(error.reason)) from error
    except NetrcParseError as error:  # whose own words may quote a password
        raise _DownloadError(f"{error.filename} is no netrc file that Python reads, see line {error.lineno}") from None
    except (OSError, UrlError, http.client.HTTPException, ValueError) as error:
        raise _DownloadError(_line(error)) from error
    return content


def _line(reason: object) -> str:
    return single_line(str(reason), _LONGEST_REASON).rstrip(".")
