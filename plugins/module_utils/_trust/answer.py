# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's answer to a request, by whichever way it was asked: what the module ends with, or fails with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.anchorage.pki.plugins.module_utils._host.declarations import Any, replace
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._host.text import encodable
from ansible_collections.anchorage.pki.plugins.module_utils._trust.messages import Answer, Request, StoreOutcome
from ansible_collections.anchorage.pki.plugins.module_utils._trust.settings import Settings
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import SETTLED
from ansible_collections.anchorage.pki.plugins.module_utils._trust.system.platforms import installed_anchors
from ansible_collections.anchorage.pki.plugins.module_utils._wire.codec import MalformedError, decode, encode


def answer(
    arguments: Mapping[str, Any],
    settings: Settings,
    work: Callable[[Request, Settings], Sequence[StoreOutcome] | None],
    check_mode: bool = False,
) -> dict[str, Any] | None:
    """The outcomes that ``work`` has for the request that the arguments are, as the module's result; None for none."""
    try:
        request = decode(Request, arguments)
        _require_names(request)
        settings = replace(
            settings,
            java_password=request.java_keystore_password,
            others=(*request.superseded, *request.further),
            leaf_name=request.leaf_name,
            leaf_chain=request.leaf_chain,
            allow_authorization_change=request.allow_authorization_change,
            truststores=request.truststores,
        )
        outcomes = work(request, settings)
    except MalformedError as error:
        return {"failed": True, "changed": False, "msg": f"The request is malformed: {error}."}
    except HostError as error:
        return {"failed": True, "changed": False, "msg": encodable(str(error)), "stores": []}
    if outcomes is None:
        return None
    found = encode(Answer(tuple(outcomes), installed_anchors(settings)))
    result = {"changed": any(outcome.changed for outcome in outcomes), **found}
    reason = encodable(_shortfall(request.operation, outcomes, check_mode))
    return {"failed": True, "msg": reason, **result} if reason else result


def _shortfall(operation: str, outcomes: Sequence[StoreOutcome], check_mode: bool) -> str:
    if all(outcome.state in SETTLED[operation] and not outcome.purged for outcome in outcomes):
        return ""
    from ansible_collections.anchorage.pki.plugins.module_utils._trust.shortfall import shortfall

    return shortfall(operation, outcomes, check_mode)


def _require_names(request: Request) -> None:
    for anchor in (request.anchor, *request.superseded, *request.further):
        if not re.fullmatch(r"[a-z0-9-]+", anchor.name):
            raise HostError("name: only lower-case letters, digits and hyphens can name an anchor in every store.")
