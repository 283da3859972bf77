# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions with PKCS#11 tokens: one for each process and token, opened after the fork and logged in.

The package PyKCS11 is asked for when the first key on a token is used, so that nobody else needs it. A session that
was opened before a fork is the other process' one: Ansible forks a worker for each host and task.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import KeyAwayError, PassphraseError, PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import read_secret
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.run_cache import share_value
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.uris import OF_TOKEN, KeyUri


@dataclass(frozen=True)
class Tokens:
    """What a run was told of tokens: the ``pin`` of those whose URI names no file with it, and where new keys of the
    ``root`` and the ``issuing`` authority are to be, None for where the former ones are.

    In ``run_folder`` the processes of the run tell one another that a PIN was refused.
    """

    pin: str | None = field(default=None, repr=False)
    run_folder: Path = Path(os.devnull)
    root: KeyUri | None = None
    issuing: KeyUri | None = None


NO_TOKENS = Tokens()


@dataclass(frozen=True)
class Session:
    """A session with a token. ``library`` is PyKCS11, ``handle`` its session."""

    library: Any
    handle: Any
    uri: KeyUri

    def find(self, kind: str, uri: KeyUri) -> list[Any]:
        """The objects of that ``kind`` (a CKO_ name) that ``uri`` names."""
        template = [(self.library.CKA_CLASS, getattr(self.library, kind))]
        if uri.object:
            template.append((self.library.CKA_LABEL, uri.object))
        if uri.id:
            template.append((self.library.CKA_ID, bytes.fromhex(uri.id)))
        with told(self.library, uri):
            return list(self.handle.findObjects(template))


#: The sessions of this process, and those that it inherited at its fork, which it does not use.
_sessions: dict[tuple[int, KeyUri], Session] = {}


def open_session(uri: KeyUri, tokens: Tokens) -> Session:
    """The session of this process with the token that ``uri`` names. Raises KeyAwayError where the module, the token or
    its PIN is missing or the PIN is locked, PassphraseError where the token refuses the PIN.

    The processes of a run open theirs one after the other: SoftHSM rewrites at each login what others read at their
    start, and a PIN that was refused is tried by none of them again.
    """
    key = os.getpid(), replace(uri.token_alone(), pin_source="")
    if key in _sessions:
        return _sessions[key]
    refusing: list[str] = []

    def attempt(former: list[str] | None) -> list[str]:
        opened = _opened(uri, tokens, former or [])
        if isinstance(opened, Session):
            _sessions[key] = opened
            return former or []
        refusing.append(opened)
        return [*(former or []), opened]

    name = hashlib.sha256(uri.module_path.encode()).hexdigest()[:16]
    share_value(tokens.run_folder / f"anchorage-token-{name}", lambda _former: False, attempt)
    if refusing:
        raise _refusal(uri)
    return _sessions[key]


def _opened(uri: KeyUri, tokens: Tokens, refused: Collection[str]) -> Session | str:
    """A session that is logged in, or the serial number of the token that refuses the PIN. Raises PassphraseError,
    nothing tried, for one that is among those that ``refused`` it in this run."""
    library = _library()
    module = library.PyKCS11Lib()
    try:
        module.load(uri.module_path)
    except library.PyKCS11Error as error:
        raise KeyAwayError(
            f"{uri.origin}: the PKCS#11 module {uri.module_path} cannot be loaded on the controller. Install the "
            "package that brings it, or correct module-path."
        ) from error
    with told(library, uri):
        slot, information = _slot(module, uri)
        handle = module.openSession(slot, library.CKF_SERIAL_SESSION | library.CKF_RW_SESSION)
        serial = str(information.serialNumber)
        if information.flags & library.CKF_LOGIN_REQUIRED:
            if serial in refused:
                raise _refusal(uri)
            check_attempts(library, information.flags, uri)
            if not _is_accepted(library, handle, _pin(uri, tokens)):
                return serial
    return Session(library, handle, uri)


@contextmanager
def told(library: Any, uri: KeyUri) -> Iterator[None]:
    """Raise KeyAwayError for what PyKCS11 raises in the block."""
    try:
        yield
    except library.PyKCS11Error as error:
        raise KeyAwayError(f"{uri.origin}: {uri.in_words} answers {error}. See to it, and run again.") from error


def _library() -> Any:
    try:
        return importlib.import_module("PyKCS11")
    except ImportError as error:
        raise KeyAwayError(
            f"A key on a PKCS#11 token needs the Python package PyKCS11 on the controller; {sys.executable} has none. "
            "Install it there: pip install PyKCS11, or Debian's python3-pykcs11."
        ) from error


def _slot(module: Any, uri: KeyUri) -> tuple[Any, Any]:
    """The slot of the token that ``uri`` names, and what the token says of itself. Raises KeyAwayError."""
    found = []
    for slot in module.getSlotList(tokenPresent=True):
        information = module.getTokenInfo(slot)
        said = dict(zip(OF_TOKEN, _said(information), strict=True))
        if all(said[name] == getattr(uri, name) for name in OF_TOKEN if getattr(uri, name)):
            found.append((slot, information))
    if not found:
        raise KeyAwayError(
            f"{uri.origin}: {uri.in_words} is not at hand. Attach it to this controller, or correct the URI."
        )
    if len(found) > 1:
        raise KeyAwayError(f"{uri.origin}: there are {len(found)} of {uri.in_words}. Give serial= in the URI, too.")
    return found[0]


def _said(information: Any) -> list[str]:
    words = (information.label, information.serialNumber, information.manufacturerID, information.model)
    return [str(word).rstrip(" \0") for word in words]


def check_attempts(library: Any, flags: int, uri: KeyUri) -> None:
    """Raise KeyAwayError where a token's ``flags`` say that no PIN is to be tried."""
    if flags & library.CKF_USER_PIN_LOCKED:
        raise KeyAwayError(f"{uri.origin}: the PIN of {uri.in_words} is locked. Have its security officer set another.")
    if flags & library.CKF_USER_PIN_FINAL_TRY:
        raise KeyAwayError(
            f"{uri.origin}: {uri.in_words} locks its PIN at the next wrong one, and nothing is tried. Log in once by "
            "the token's own program, then run again."
        )


def _is_accepted(library: Any, handle: Any, pin: str) -> bool:
    """Whether a token takes the PIN. A process that inherited a session from before its fork may be logged in."""
    try:
        handle.login(pin)
    except library.PyKCS11Error as error:
        if error.value in (library.CKR_PIN_INCORRECT, library.CKR_PIN_LEN_RANGE, library.CKR_PIN_INVALID):
            return False
        if error.value != library.CKR_USER_ALREADY_LOGGED_IN:
            raise
    return True


def _refusal(uri: KeyUri) -> PassphraseError:
    source = f"pin-source {uri.pin_source}" if uri.pin_source else "token_pin"
    return PassphraseError(
        f"{source}: {uri.in_words} refused its PIN. It is not tried again in this run, since tokens lock."
    )


def _pin(uri: KeyUri, tokens: Tokens) -> str:
    """The PIN, from the URI's file or else the option. Raises KeyAwayError, also for an empty one, by which a module
    may ask at a keypad, and PkiError for an unsafe file."""
    source = f"{uri.origin}: pin-source {uri.pin_source}" if uri.pin_source else "token_pin"
    pin = _pin_in(uri, source) if uri.pin_source else tokens.pin
    if pin is None:
        raise KeyAwayError(f"token_pin: the key of {uri.origin} is on {uri.in_words}; give its PIN.")
    if not pin:
        raise KeyAwayError(f"{source}: is empty. Give the PIN of {uri.in_words}.")
    return pin


def _pin_in(uri: KeyUri, source: str) -> str:
    """The PIN in the URI's file."""
    try:
        return read_secret(Path(uri.pin_source)).decode().rstrip("\r\n")
    except OSError as error:
        raise KeyAwayError(f"{source} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise PkiError(f"{source} is no text in UTF-8.") from error
