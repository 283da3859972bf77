# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What opens an authority's keys: the options that every task which signs has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.kept_keys import Passphrases
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.sessions import Tokens
from ansible_collections.anchorage.pki.plugins.plugin_utils._token.uris import KeyUri, parse_uri


def passphrases_of(arguments: Mapping[str, Any]) -> Passphrases:
    """What opens the keys of an authority, and where new ones are to be. Raises PkiError."""
    root, issuing = _uri(arguments, "root_key_uri"), _uri(arguments, "issuing_key_uri")
    tokens = Tokens(arguments["token_pin"], Path(constants.DEFAULT_LOCAL_TMP), root, issuing)
    return Passphrases(arguments["passphrase"], arguments["responder_passphrase"], tokens)


def _uri(arguments: Mapping[str, Any], option: str) -> KeyUri | None:
    return None if arguments.get(option) is None else parse_uri(arguments[option], option)
