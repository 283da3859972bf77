# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The URL of a ledger in PostgreSQL, and the file ``ledger.url`` in an authority's folder that has it, in place of a
ledger of its own. It never has a password: libpq takes that from its environment or from files of its own."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._storage.private_files import read_public

LEDGER_URL = "ledger.url"
SCHEMES = ("postgresql", "postgres")
#: The parameters of libpq that are secrets.
SECRETS = ("password", "sslpassword", "oauth_client_secret")


def check_url(text: str, source: str) -> str:
    """The URL that ``source`` gives. Raises PkiError, which does not repeat it: there may be a password in it."""
    url = text.strip()
    try:
        parts = urlsplit(url)
        names = {name for name, _value in parse_qsl(parts.query, keep_blank_values=True)}
        has_secret = parts.password is not None or not names.isdisjoint(SECRETS)
    except ValueError as error:
        raise PkiError(f"{source}: is no URL. {_EXAMPLE}") from error
    if has_secret:
        raise PkiError(
            f"{source}: has a password, which would be in files, logs and command lines. Take it out, make sure that "
            "nobody saw it, and give it by PGPASSFILE, a service file of libpq, or PGPASSWORD in the environment."
        )
    if (
        parts.scheme not in SCHEMES
        or not url.isprintable()
        or " " in url
        or not parts.netloc + parts.path + parts.query
    ):
        raise PkiError(f"{source}: is no URL of a database of PostgreSQL. {_EXAMPLE}")
    return url


_EXAMPLE = "Give one such as postgresql://anchorage@db.example.com/anchorage?sslmode=verify-full."


def ledger_url(folder: Path) -> str | None:
    """The URL of the ledger that the authority in ``folder`` goes with; None where that is a file in it. Raises
    PkiError."""
    path = folder / LEDGER_URL
    return check_url(read_public(path).decode(errors="replace"), str(path)) if path.exists() else None
