# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies by which administrators give browsers their anchors: for all users, and ahead of each one's own settings.

What is proved is that the policies say it, in the file that the browser takes them from, for all users to read. No
file is made for a browser that is not installed; but policies that are left of one, with lists of anchors, are stores.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Union

from ansible_collections.anchorage.pki.plugins.module_utils._trust.policies import chromium as chromium_policies
from ansible_collections.anchorage.pki.plugins.module_utils._trust.policies import firefox as firefox_policies
from ansible_collections.anchorage.pki.plugins.module_utils._trust.policies.chromium import ChromiumPolicies
from ansible_collections.anchorage.pki.plugins.module_utils._trust.policies.firefox import FirefoxPolicies
from ansible_collections.anchorage.pki.plugins.module_utils._trust.store import Anchor, Finding

Policies = Union[FirefoxPolicies, ChromiumPolicies]


def sought() -> list[str]:
    return [*firefox_policies.sought(), *chromium_policies.sought()]


def find(root: str) -> list[Policies]:
    return [*firefox_policies.find(root), *chromium_policies.find(root)]


def inspect(store: Policies, anchor: Anchor) -> Finding:
    return store.inspect(anchor)


def foresee(store: Policies, anchor: Anchor, operation: str) -> Finding:
    return store.foresee(anchor, operation)


def install(store: Policies, anchor: Anchor, before: Finding, undo: ExitStack) -> None:
    store.install(anchor, undo)


def remove(store: Policies, anchors: Sequence[Anchor]) -> None:
    store.remove(anchors)
