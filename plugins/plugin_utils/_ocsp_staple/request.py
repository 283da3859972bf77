# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task of ocsp_staple asks for: one request for each certificate, from validated task arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.errors import FetchError
from ansible_collections.anchorage.pki.plugins.module_utils._ocsp_client.urls import parse_url
from ansible_collections.anchorage.pki.plugins.plugin_utils._cryptography import x509
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._leaf.request import check_destination, folder_names
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.refusals import LARGEST_STAPLE
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.requests import SHA1

#: Takes an option, the file of the controller that it names, and the most bytes that this may have; gives its path and
#: its content. Raises PkiError.
ReadFile = Callable[[str, str, int], tuple[str, bytes]]

CONTROLLER = "controller"
# What the task says once for all certificates, and each certificate may say for itself.
SHARED_OPTIONS = ("issuer", "responder_url")
# As much as a host may send of a certificate and its chain.
LARGEST_SOURCE = 64 * 1024


@dataclass(frozen=True)
class StapleRequest:
    """A certificate on the host for which a staple is wanted.

    ``certificate`` and ``issuer`` are paths there, "" for an issuer in the certificate's own file. ``src`` is what the
    controller has of them, the leaf first. ``response`` is one that the user has, b"" for none.
    """

    name: str
    certificate: str
    issuer: str
    src: tuple[x509.Certificate, ...]
    response: bytes
    responder_url: str

    # What a probe has to know. The names in the certificate are not known before the host is asked.
    server_name = ""
    staple = True


@dataclass(frozen=True)
class Fetching:
    """Whether the controller asks responders or the host, at private addresses too or not, and the digest by which
    requests name certificates."""

    by_controller: bool
    allow_private: bool
    digest: str


def parse_requests(arguments: Mapping[str, Any], read: ReadFile) -> list[StapleRequest]:
    """The requests of a task, from ``name`` and ``certificate`` or from ``certificates``, none where that is empty.

    Raises PkiError, as where the task could never do what it asks for.
    """
    if arguments["certificates"] == []:
        return []
    folder_names(arguments)  # refuses what cannot be one
    check_destination(arguments["destination"])
    entries = [arguments] if arguments["certificates"] is None else arguments["certificates"]
    requests = [_parse_request(entry, arguments, read) for entry in entries]
    _check_paths(requests)
    if arguments["fetch_from"] == CONTROLLER:
        _check_urls_are_ours(requests)
    if arguments["server"] == "haproxy" and arguments["certid_digest"] != SHA1:
        raise PkiError("certid_digest: HAProxy finds a staple by SHA-1 alone. Leave it at sha1 for this server.")
    return requests


def _parse_request(entry: Mapping[str, Any], defaults: Mapping[str, Any], read: ReadFile) -> StapleRequest:
    shared = {option: entry[option] or defaults[option] or "" for option in SHARED_OPTIONS}
    for option, path in (("certificate", entry["certificate"]), ("issuer", shared["issuer"])):
        if path and not path.startswith("/"):
            raise PkiError(f"{option}: {path!r} is a relative path. Give the one on the host, from / on.")
    if shared["responder_url"]:
        _check_url(shared["responder_url"])
    return StapleRequest(
        name=entry["name"],
        certificate=entry["certificate"],
        src=_read_certificates(*read("src", entry["src"], LARGEST_SOURCE)) if entry["src"] else (),
        response=read("response", entry["response"], LARGEST_STAPLE)[1] if entry["response"] else b"",
        **shared,
    )


def _read_certificates(path: str, content: bytes) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(content))
    except ValueError as error:
        raise PkiError(f"src {path}: holds no certificate in PEM, or a damaged one.") from error


def _check_url(url: str) -> None:
    try:
        parse_url(url)
    except FetchError as error:
        raise PkiError(f"responder_url: {error}. Give one such as http://ocsp.example.com/.") from error


def _check_paths(requests: Sequence[StapleRequest]) -> None:
    paths = [request.certificate for request in requests]
    for path in paths:
        if paths.count(path) > 1:
            raise PkiError(f"certificate: {path} is given twice. One staple serves all that use it.")


def _check_urls_are_ours(requests: Sequence[StapleRequest]) -> None:
    """Raise PkiError where only the host could tell the controller where to send a request."""
    for request in requests:
        if not (request.src or request.responder_url or request.response):
            raise PkiError(
                f"fetch_from: for the controller to fetch the response of {request.name!r}, give src, responder_url or "
                "response, since it sends no request to a URL that a host reports."
            )
