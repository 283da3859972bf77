# Copyright (c) 2026 the anchorage.pki contributors
# Simplified BSD License (see LICENSES/BSD-2-Clause.txt or https://opensource.org/licenses/BSD-2-Clause)
# SPDX-License-Identifier: BSD-2-Clause

"""TLS contexts for services in Python that always have the newest certificate, without a restart.

This file needs Python 3.9 or newer and its standard library alone (and ``cryptography`` for PKCS#12), imports nothing
else of the collection, and may be copied into a service, whatever the license of that is. ``docs/services.md`` has
examples.
"""

from __future__ import annotations

import logging
import os
import secrets
import ssl
import tempfile
import threading
from typing import Callable

_LOGGER = logging.getLogger(__name__)
_FIRST_TRIES = 100
#: What says that a file is another one, or was changed: device, inode, size, and the times of content and attributes.
_State = tuple[int, int, int, int, int]


def _server_context() -> ssl.SSLContext:
    return ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)


class LatestContext:
    """The newest whole set of a private key, its certificate and chain, as an :class:`ssl.SSLContext`.

    ``path`` is a leaf's folder (``/etc/pki/anchorage/app``), of which the generation that ``current`` names is read; or
    one file with all of it in PEM; or, with a name in ``.p12`` or ``.pfx``, in PKCS#12. ``password`` is that of the
    private key or of the PKCS#12 file. ``create`` makes each context and sets whatever else it has to have: versions,
    protocols of ALPN, the authorities of clients.

    A set counts if OpenSSL takes it, which compares the key with the certificate. Where there is none, or half of one,
    the former context stays in use and a warning says so. Readers take no lock and disturb no writer; a context that no
    connection uses any more is freed.

    Raises OSError (of which ssl.SSLError is a kind) or ValueError where there is no whole set to begin with,
    ImportError for PKCS#12 without ``cryptography``.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        password: str | None = None,
        create: Callable[[], ssl.SSLContext] = _server_context,
    ) -> None:
        self.path = os.fspath(path)
        self._password = password or ""
        self._create = create
        self._loading = threading.Lock()
        for tries_left in range(_FIRST_TRIES, 0, -1):
            self._state = self._look()
            try:
                self._context = self._load()
                break
            except (OSError, ValueError):
                if tries_left == 1 or self._state == self._look():
                    raise

    def get(self) -> ssl.SSLContext:
        """The newest context. Take it anew for each connection."""
        if self._look() != self._state and self._loading.acquire(blocking=False):
            try:
                self._renew()
            finally:
                self._loading.release()
        return self._context

    def for_server(self) -> ssl.SSLContext:
        """A context that a server can keep: each handshake gets the certificate of the newest one."""
        # It has no certificate of its own, which would be kept as long as the server runs.
        context = self._create()
        context.sni_callback = self._choose
        return context

    def _choose(self, connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """OpenSSL calls this in each handshake, named or not: SSL_CTX_set_tlsext_servername_callback(3)."""
        connection.context = self.get()

    def _renew(self) -> None:
        state = self._look()
        if state == self._state:
            return
        try:
            self._context = self._load()
        except (OSError, ValueError) as error:
            if state != self._look():
                return  # a writer is at it: the next one to ask tries again
            _LOGGER.warning("%s: %s. The former certificate stays in use.", self.path, error)
        self._state = state

    def _files(self) -> tuple[str, str]:
        """The file with the certificate and its chain, and that with the key, which may be the same."""
        if os.path.isdir(self.path):
            # A generation never changes: with the link resolved once, both files are of the same.
            generation = os.path.realpath(os.path.join(self.path, "current"))
            return os.path.join(generation, "fullchain.pem"), os.path.join(generation, "privkey.pem")
        return self.path, self.path

    def _look(self) -> tuple[_State, ...] | str:
        """What changes when the files do: their states, or why there are none."""
        try:
            found = [os.stat(file) for file in self._files()]
        except OSError as error:
            return str(error)
        return tuple((each.st_dev, each.st_ino, each.st_size, each.st_mtime_ns, each.st_ctime_ns) for each in found)

    def _load(self) -> ssl.SSLContext:
        context = self._create()
        if self.path.endswith((".p12", ".pfx")):
            _load_pkcs12(context, self.path, self._password)
        else:
            # With a password in hand, even an empty one, OpenSSL asks nobody on a terminal.
            certificate, key = self._files()
            context.load_cert_chain(certificate, key, self._password)
        return context


def _load_pkcs12(context: ssl.SSLContext, path: str, password: str) -> None:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, pkcs12

    with open(path, "rb") as file:
        bundle = pkcs12.load_pkcs12(file.read(), password.encode() or None)
    if bundle.key is None or bundle.cert is None:
        raise ValueError("there is no private key with its certificate in it")
    # Python's ssl reads files alone: it gets the key encrypted, with a password that nobody else ever has.
    once = secrets.token_bytes(32)
    key = bundle.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(once))
    certificates = [each.certificate.public_bytes(Encoding.PEM) for each in (bundle.cert, *bundle.additional_certs)]
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join([key, *certificates]))
        file.flush()
        context.load_cert_chain(file.name, password=once)
