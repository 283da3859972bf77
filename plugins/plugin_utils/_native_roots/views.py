# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forms in which the lookup gives the native roots, and the choice among them."""

from __future__ import annotations

import textwrap
from typing import Any

from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.cache import NativeRootsCache, State

_LONGEST_REASON = 200  # characters
VIEWS = ("certificates", "pem", "bundle", "report")


def view_of(cache: NativeRootsCache, state: State, view: str, select: str | None) -> list[Any]:
    """One of ``VIEWS`` of the roots of a state, of those certificates that the JMESPath ``select`` chooses.

    That of a bundle is its path and what had to be left out of it. Raises PkiError for an expression that is wrong, or
    that gives something else than the view is made of.
    """
    if select is not None and not select.strip():
        raise PkiError("select: it is empty. Leave it out to get all certificates.")
    if view == "report":
        if select is not None:
            raise PkiError("select: it chooses certificates, and view=report has none. Leave it out.")
        return [state["report"]]
    if view == "certificates":
        certificates = cache.certificates(state)
        return _chosen(select, certificates) if select else certificates
    pems = _chosen_pems(select, cache.certificates(state)) if select else cache.pems(state)
    if view == "pem":
        return pems
    if not pems:
        raise PkiError(f"select: no certificate fits {select}, and an empty bundle would trust nobody.")
    return [cache.bundle(pems)]


def _chosen_pems(select: str, certificates: list[dict[str, Any]]) -> list[str]:
    chosen = _chosen(select, certificates)
    if not all(isinstance(one, dict) and "pem" in one for one in chosen):
        raise PkiError("select: for views pem and bundle it must give whole certificates, such as [?is_ca].")
    return [one["pem"] for one in chosen]


def _chosen(select: str, certificates: list[dict[str, Any]]) -> list[Any]:
    try:
        import jmespath
    except ImportError:
        raise PkiError("select needs the Python package jmespath on the controller. Install it.") from None
    try:
        chosen = jmespath.search(select, certificates)
    except (jmespath.exceptions.JMESPathError, TypeError, ValueError, RecursionError) as error:
        reason = textwrap.shorten(str(error), _LONGEST_REASON)  # some quote all that they were given
        raise PkiError(
            f"select: {select[:_LONGEST_REASON]} is not a JMESPath expression for certificates: {reason}"
        ) from error
    if chosen is None:
        return []
    return chosen if isinstance(chosen, list) else [chosen]
