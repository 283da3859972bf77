# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option that every task which reads an authority shares."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - "On the controller: the Python package C(cryptography), 43 or newer."
options:
  authority:
    description:
      - The folder of the authority on the controller, by a path that begins with V(/) or V(~).
      - Without it, C($XDG_DATA_HOME/anchorage/authority) of the user who runs the play, where E(XDG_DATA_HOME) is
        C(~/.local/share) unless set.
      - It must be given inside an execution environment, whose home does not outlive the job.
    type: path
  ledger_url:
    description:
      - The URL of a PostgreSQL database with the authority's ledger, certificates and policy, where several controllers
        share them, such as V(postgresql://anchorage@db.example.com/anchorage?sslmode=verify-full). The folder of
        O(authority) then has the private keys, and copies of what is public, which each task brings up to date.
      - It never has a password, which libpq takes from E(PGPASSFILE), a service file or E(PGPASSWORD).
      - A folder keeps the URL in C(ledger.url), so that later tasks there need not give it. To move the ledger of an
        authority that has one in its folder, use M(anchorage.pki.ledger_move).
      - It needs the Python package C(psycopg), 3.1 or newer, on the controller, and PostgreSQL 13 or newer.
    type: str
    version_added: 0.3.0
"""

    PASSPHRASES = r"""
options:
  passphrase:
    description:
      - The passphrase of the root's and the issuing authority's private keys, at least 16 characters and at most 1023
        bytes.
    type: str
  responder_passphrase:
    description:
      - The passphrase of the OCSP responder's private key, at least 16 characters and at most 1023 bytes.
      - It is apart from O(passphrase), so that staples can be renewed where the authority's other keys are away.
    type: str
  token_pin:
    description:
      - The PIN of the PKCS#11 token that has a key of the authority, unless the key's URI names a file with it by
        C(pin-source). A PIN that the token refuses is not tried again in the same run, since tokens lock. For the
        same reason, one that is empty, or that YAML reads as a number, is not tried, so that digits go into quotes.
    type: str
    version_added: 0.3.0
"""
