# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: native_roots
type: aggregate
short_description: Load the controller's native roots before the first play
version_added: 0.1.0
author:
  - The anchorage.pki contributors (@anchorage)
description:
  - Reads the trust store of the controller when a run begins, so that its state is known before any task relies on it.
  - A store that cannot be read, or not completely, results in a warning. With C(--verbose), what was read is shown.
  - The lookup P(anchorage.pki.native_roots#lookup) then uses what was loaded, in all processes of the run.
requirements:
  - C(anchorage.pki.native_roots) in C(callbacks_enabled), or in E(ANSIBLE_CALLBACKS_ENABLED).
seealso:
  - plugin: anchorage.pki.native_roots
    plugin_type: lookup
"""

import os
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import PLATFORM, error_line
from ansible_collections.anchorage.pki.plugins.plugin_utils._errors import PkiError
from ansible_collections.anchorage.pki.plugins.plugin_utils._native_roots.cache import NativeRootsCache


class CallbackModule(CallbackBase):
    """Warms the cache of the native roots in the main process."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "anchorage.pki.native_roots"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: Any) -> None:
        cache = NativeRootsCache(Path(constants.DEFAULT_LOCAL_TMP), PLATFORM, os.environ)
        try:
            report = cache.state(strict=False)["report"]
        except PkiError as failure:
            self._display.warning(str(failure))
            return
        for error in report["errors"]:
            self._display.warning(f"Native roots, {error_line(error)}")
        self._display.v(f"Native roots: {report['certificates']} read in {report['milliseconds']} milliseconds.")
