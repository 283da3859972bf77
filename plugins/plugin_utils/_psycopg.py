# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The door to psycopg, by which a ledger in PostgreSQL is reached. Nobody needs the package who has no such ledger: it
is asked for when the first connection is made."""

from __future__ import annotations

import importlib
import re
import sys
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError

#: The oldest releases that the tests run on.
OLDEST = (3, 1)


def psycopg() -> Any:
    """The package. Raises PkiError where there is none, it is too old, or it finds no libpq."""
    try:
        library = importlib.import_module("psycopg")
    except ImportError as error:  # also where libpq is missing
        raise PkiError(
            f"A ledger in PostgreSQL needs the Python package psycopg with libpq on the controller; {sys.executable} "
            "has none. Install it there: pip install 'psycopg[binary]', or Debian's python3-psycopg."
        ) from error
    version = str(library.__version__)
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST:
        raise PkiError(
            f"A ledger in PostgreSQL needs psycopg {'.'.join(map(str, OLDEST))} or newer on the controller; "
            f"{sys.executable} has {version}. Upgrade it there."
        )
    return library
