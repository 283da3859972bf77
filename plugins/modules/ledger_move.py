#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_move
short_description: Move the ledger of a local authority to a PostgreSQL server, and back
version_added: 0.3.0
description:
  - Moves the ledger from the authority's folder to a database that several controllers share, with the certificates and
    the policy, or back. Private keys stay where they are.
  - The copy is compared with what it was made of before it is used. The ledger that is left says so from then on, and
    refuses whoever would sign from it.
  - A run that was interrupted is finished, or taken back, by the next one.
author:
  - The anchorage.pki contributors (@anchorage)
extends_documentation_fragment:
  - anchorage.pki.authority
  - anchorage.pki.attributes
  - anchorage.pki.attributes.on_the_controller
  - anchorage.pki.actiongroup_pki
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: The lines of the result tell what is moved.
  idempotent:
    support: full
options:
  to:
    description:
      - V(server) moves the ledger to the database at O(ledger_url), which has none yet.
      - V(folder) moves it back into the folder of O(authority) on this controller, whatever other controllers have.
    type: str
    choices: [server, folder]
    required: true
seealso:
  - module: anchorage.pki.certificate_authority
  - module: anchorage.pki.authority_backup
"""

EXAMPLES = r"""
- name: Move the ledger to a server that controllers share
  anchorage.pki.ledger_move:
    to: server
    ledger_url: postgresql://anchorage@db.example.com/anchorage?sslmode=verify-full

- name: Move it back into the folder on this controller
  anchorage.pki.ledger_move:
    to: folder
"""

RETURN = r"""
ledger:
  description: Where the ledger is then, as a URL or as the path of a file.
  returned: success
  type: str
lines:
  description: What became of it, for people.
  returned: success
  type: list
  elements: str
"""
