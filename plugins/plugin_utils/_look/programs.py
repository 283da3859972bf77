# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs that look at hosts. They are made when an action is loaded: once in a run, by the process that those of
all hosts are forked from."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._programs.bundle import MODULES
from ansible_collections.anchorage.pki.plugins.plugin_utils._look.program import look_program

ANCHOR = look_program("_trust.look")
# It compares the programs that stay on a host with their sources.
LEAVES = look_program("_leaf_deployment.look", sources_read=MODULES)
STAPLES = look_program("_ocsp_staple.look", sources_read=MODULES)
