# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forms in which the lookup returns the native roots, and the selection among them."""

from __future__ import annotations

import textwrap
from typing import Any

from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import require_whole
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.cache import NativeRootsCache, State

_LONGEST_REASON = 200  # characters
VIEWS = ("certificates", "pem", "bundle", "report")


def view_of(cache: NativeRootsCache, state: State, view: str, select: str | None) -> list[Any]:
    """One of ``VIEWS`` of the roots of a state, of those certificates that the JMESPath ``select`` selects.

    That of a bundle is its path and what had to be left out of it. Raises PkiError for an invalid expression, for one
    whose result does not suit the view, and for all but a report where only a part of the roots could be read: what
    trusts them might trust what the machine does not.
    """
    if select is not None and not select.strip():
        raise PkiError("select: the expression is empty. Omit it to get all certificates.")
    if view == "report":
        if select is not None:
            raise PkiError("select: it selects certificates, and view=report has none. Omit it.")
        return [state["report"]]
    try:
        require_whole(state["report"])
    except HostError as error:
        raise PkiError(str(error)) from None
    if view == "certificates":
        certificates = cache.certificates(state)
        return _selected(select, certificates) if select else certificates
    pems = _selected_pems(select, cache.certificates(state)) if select else cache.pems(state)
    if view == "pem":
        return pems
    if not pems:
        raise PkiError(f"select: no certificate matches {select}, and an empty bundle would trust nobody.")
    return [cache.bundle(pems)]


def _selected_pems(select: str, certificates: list[dict[str, Any]]) -> list[str]:
    selected = _selected(select, certificates)
    if not all(isinstance(one, dict) and "pem" in one for one in selected):
        raise PkiError("select: for view=pem and view=bundle it must return whole certificates, as [?is_ca] does.")
    return [one["pem"] for one in selected]


def _selected(select: str, certificates: list[dict[str, Any]]) -> list[Any]:
    try:
        import jmespath
    except ImportError:
        raise PkiError("select needs the Python package jmespath on the controller. Install it.") from None
    try:
        selected = jmespath.search(select, certificates)
    except (jmespath.exceptions.JMESPathError, TypeError, ValueError, RecursionError) as error:
        reason = textwrap.shorten(str(error), _LONGEST_REASON)  # some quote their whole input
        raise PkiError(
            f"select: {select[:_LONGEST_REASON]} is not a JMESPath expression for certificates: {reason}"
        ) from error
    if selected is None:
        return []
    return selected if isinstance(selected, list) else [selected]
