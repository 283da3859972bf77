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
import time
from typing import Callable

_LOGGER = logging.getLogger(__name__)
_FIRST_TRIES = 100
#: What says that a file is another one, or was changed: device, inode, size, and the time of any change.
_State = tuple[int, int, int, int]


def _server_context() -> ssl.SSLContext:
    return ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)


class LatestContext:
    """The newest whole set of a private key, its certificate and chain, as an :class:`ssl.SSLContext`.

    ``path`` is a leaf's folder (``/etc/pki/anchorage/app``), of which the generation that ``current`` names is read; or
    one file with all of it in PEM; or, with a name in ``.p12`` or ``.pfx``, in PKCS#12. ``password`` is that of the
    private key or of the PKCS#12 file. ``create`` makes each context and sets whatever else it has to have: versions,
    protocols of ALPN, the authorities of clients. It may raise OSError or ValueError.

    A set counts if OpenSSL takes it, which compares the key with the certificate. Where there is none, or half of one,
    the former context stays in use, a warning says so once, and it is tried again when it changes or after ten seconds.
    Readers take no lock and disturb no writer; a context that no connection uses any more is freed.

    Raises OSError (of which ssl.SSLError is a kind) or ValueError where there is no whole set to begin with,
    ImportError for PKCS#12 without ``cryptography``.
    """

    #: Seconds until a set that could not be read is tried again, although it has not changed.
    retry_after = 10.0

    def __init__(
        self,
        path: str | bytes | os.PathLike[str],
        *,
        password: str | None = None,
        create: Callable[[], ssl.SSLContext] = _server_context,
    ) -> None:
        self.path = os.path.abspath(os.fsdecode(path))
        self._password = password or ""
        self._create = create
        self._process, self._loading = os.getpid(), threading.Lock()
        self._failed: tuple[_State, ...] | str | None = None
        self._next_try = 0.0
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
        if self._process != os.getpid():  # forked, maybe while another thread held the lock
            self._process, self._loading = os.getpid(), threading.Lock()
        if self._is_due(self._look()) and self._loading.acquire(blocking=False):
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

    def _is_due(self, state: tuple[_State, ...] | str) -> bool:
        return state != self._state and (state != self._failed or time.monotonic() >= self._next_try)

    def _renew(self) -> None:
        state = self._look()
        if not self._is_due(state):
            return
        try:
            self._context = self._load()
        except (OSError, ValueError) as error:
            if state != self._look():
                return  # a writer is at it: the next one to ask tries again
            if state != self._failed:
                _LOGGER.warning("%s: %s. The former certificate stays in use.", self.path, error)
            self._failed, self._next_try = state, time.monotonic() + self.retry_after
            return
        # Of before the files were read: where they have changed since, they are read again.
        self._state, self._failed = state, None

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
        return tuple((each.st_dev, each.st_ino, each.st_size, each.st_ctime_ns) for each in found)

    def _load(self) -> ssl.SSLContext:
        context = self._create()
        certificate, key = self._files()
        if certificate == key and key.lower().endswith((".p12", ".pfx")):
            _load_pkcs12(context, key, self._password)
            return context
        for file in (certificate, key):
            open(file, "rb").close()  # OpenSSL does not say which one it cannot open
        # With a password in hand, even an empty one, it asks nobody on a terminal.
        context.load_cert_chain(certificate, key, self._password)
        return context


def _load_pkcs12(context: ssl.SSLContext, path: str, password: str) -> None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, pkcs12
    from cryptography.x509 import InvalidVersion

    with open(path, "rb") as file:
        content = file.read()
    try:
        bundle = pkcs12.load_pkcs12(content, password.encode() or None)
    except (InvalidVersion, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from error
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
