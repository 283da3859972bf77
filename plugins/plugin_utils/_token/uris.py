# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a key on a PKCS#11 token is, as a URI (RFC 7512)."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from urllib.parse import quote, unquote_to_bytes

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

SCHEME = "pkcs11:"
#: The attributes that are taken: of the token, of the key on it, and of the way to both.
OF_TOKEN = ("token", "serial", "manufacturer", "model")
OF_KEY = ("object", "id", "type")
OF_WAY = ("module-path", "pin-source")


@dataclass(frozen=True)
class KeyUri:
    """A token, and one key on it where it names that by ``object`` (the label) or ``id``, in hexadecimal.

    ``pin_source`` is the file with the PIN, empty for none; ``origin`` the option or the file that the URI is from.
    """

    token: str = ""
    serial: str = ""
    manufacturer: str = ""
    model: str = ""
    object: str = ""
    id: str = ""
    module_path: str = ""
    pin_source: str = ""
    origin: str = field(default="", compare=False)

    def __str__(self) -> str:
        texts = [
            f"{name}={quote(getattr(self, name), safe='')}" for name in (*OF_TOKEN, "object") if getattr(self, name)
        ]
        if self.id:
            texts.append("id=" + "".join(f"%{octet:02X}" for octet in bytes.fromhex(self.id)))
        query = f"?module-path={quote(self.module_path)}"
        return SCHEME + ";".join(texts) + query + (f"&pin-source={quote(self.pin_source)}" if self.pin_source else "")

    @property
    def names_key(self) -> bool:
        """Whether it is about one key, and not about a token that is to hold new ones."""
        return bool(self.object or self.id)

    @property
    def in_words(self) -> str:
        """The token, as an error names it."""
        named = [f"{name} {getattr(self, name)!r}" for name in OF_TOKEN if getattr(self, name)]
        return f"the PKCS#11 token with {', '.join(named)}"

    def token_alone(self) -> KeyUri:
        """The same token, for another key."""
        return replace(self, object="", id="")

    def is_within(self, wanted: KeyUri) -> bool:
        """Whether all that ``wanted`` says of token and key is said of this one, too."""
        names = [name for name in (*OF_TOKEN, "object", "id") if getattr(wanted, name)]
        return all(getattr(self, name) == getattr(wanted, name) for name in names)


def parse_uri(text: str, origin: str) -> KeyUri:
    """The URI ``text``, which an option or file ``origin`` has. Raises PkiError, without the text where it may hold a
    PIN."""
    if not text.startswith(SCHEME):
        raise PkiError(f"{origin}: is no PKCS#11 URI, which begins with {SCHEME} (RFC 7512).")
    path, _mark, query = text[len(SCHEME) :].partition("?")
    if "pin-value" in query or "pin-value" in path:
        raise PkiError(
            f"{origin}: holds a PIN (pin-value), which a URI shows to everybody. Give it by the option token_pin, or "
            "name a file with it by pin-source."
        )
    values = {
        **_attributes(path, ";", (*OF_TOKEN, *OF_KEY), origin),
        **_attributes(query, "&", OF_WAY, origin),
    }
    if values.pop("type", b"private") != b"private":
        raise PkiError(f"{origin}: is about no private key. Leave type out, or give type=private.")
    identifier = values.pop("id", b"").hex()
    try:
        texts = {name.replace("-", "_"): value.decode() for name, value in values.items()}
    except UnicodeDecodeError as error:
        raise PkiError(f"{origin}: holds a value that is no text in UTF-8.") from error
    uri = KeyUri(**texts, id=identifier, origin=origin)
    _check(uri)
    return replace(uri, pin_source=uri.pin_source.removeprefix("file://").removeprefix("file:"))


def _attributes(text: str, separator: str, known: tuple[str, ...], origin: str) -> dict[str, bytes]:
    values: dict[str, bytes] = {}
    for attribute in filter(None, text.split(separator)):
        name, equals, value = attribute.partition("=")
        if name not in known or not equals:
            raise PkiError(f"{origin}: has an attribute {name!r}; known there are {', '.join(known)}.")
        if name in values:
            raise PkiError(f"{origin}: names {name} twice.")
        values[name] = unquote_to_bytes(value)
    return values


def _check(uri: KeyUri) -> None:
    if not any(getattr(uri, name) for name in OF_TOKEN):
        raise PkiError(f"{uri.origin}: names no token. Give token=, its label, or serial=.")
    if not uri.module_path.startswith("/"):
        raise PkiError(
            f"{uri.origin}: give the path of the token's PKCS#11 module, beginning with /: "
            "?module-path=/usr/lib/softhsm/libsofthsm2.so"
        )
    if uri.pin_source and not uri.pin_source.removeprefix("file:").startswith("/"):
        raise PkiError(f"{uri.origin}: pin-source is no path of a file that begins with /.")
    for attribute in fields(uri):
        value = getattr(uri, attribute.name)
        if value and not value.isprintable():
            raise PkiError(f"{uri.origin}: {attribute.name} holds a character that cannot be seen.")
