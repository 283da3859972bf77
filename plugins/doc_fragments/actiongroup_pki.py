# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's action group, for C(module_defaults)."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/anchorage.pki.pki) in C(module_defaults) to set defaults for every task of this collection, also
        for those of its roles. Of C(authority), C(ledger_url), C(passphrase), C(responder_passphrase) and
        C(token_pin), each task takes those that it has.
    support: full
    membership:
      - anchorage.pki.pki
"""
