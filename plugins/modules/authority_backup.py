#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: authority_backup
short_description: Back a local authority up in one encrypted file, and restore it
version_added: 0.3.0
description:
  - Makes an encrypted file of an authority's folder, with its keys, its policy and a consistent copy of its ledger,
    while other runs may go on. The backup counts only once it was restored from that very content and compared.
  - Restores it where there is no authority. Leaves that hosts have got since are found and kept by
    M(anchorage.pki.leaf_certificate). What was revoked since, nobody but the published lists knows, so that nothing is
    signed until V(step=enter_lists).
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
    details: A backup is not made, so that it is not restored either. The authority is checked.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - Each V(step=back_up) makes another file. V(step=restore) refuses a folder that has an authority, and does
        nothing where that was restored from this very backup.
options:
  step:
    description:
      - V(back_up) writes O(file).
      - V(restore) restores it in the folder of O(authority), which is empty or missing, or has what a restore left that
        was cut off.
      - V(enter_lists) enters what O(lists) say is revoked, or with O(without_lists) that there is nothing to enter.
        Without both it says whether that is still to be done.
    type: str
    choices: [back_up, restore, enter_lists]
    required: true
  file:
    description:
      - The backup on the controller, outside of the authority's folder. With V(step=back_up) a former one is replaced
        in the end. It belongs to the user who runs, with the mode 0600.
    type: path
  backup_passphrase:
    description:
      - What the backup is encrypted with, at least 16 characters and at most 1023 bytes. It is apart from the
        passphrases of keys, which stay encrypted in the backup where they are.
    type: str
  lists:
    description:
      - The last lists of revoked certificates that were published, as files (DER or PEM). There has to be one of each
        issuer that had published some before the backup.
    type: list
    elements: str
    default: []
  without_lists:
    description:
      - Nothing was revoked since the backup, or nobody has a list that says so. What was revoked nevertheless counts as
        good again.
    type: bool
    default: false
seealso:
  - module: anchorage.pki.certificate_authority
  - module: anchorage.pki.certificate_revocation
"""

EXAMPLES = r"""
- name: Back the authority up
  anchorage.pki.authority_backup:
    step: back_up
    file: /mnt/backup/authority.backup
    backup_passphrase: "{{ backup_passphrase }}"

- name: Restore it on another controller
  anchorage.pki.authority_backup:
    step: restore
    file: /mnt/backup/authority.backup
    backup_passphrase: "{{ backup_passphrase }}"

- name: Enter what was revoked since
  anchorage.pki.authority_backup:
    step: enter_lists
    lists: "{{ query('ansible.builtin.fileglob', '/srv/pki/crl/*.crl') }}"
"""

RETURN = r"""
file:
  description: The backup.
  returned: with O(step=back_up)
  type: str
folder:
  description: The authority's folder.
  returned: with O(step=restore)
  type: str
created_at:
  description: When the backup was made, in UTC.
  returned: with O(step=back_up) and O(step=restore)
  type: str
size:
  description: The size of the backup in bytes; null in check mode.
  returned: with O(step=back_up)
  type: int
files:
  description: How many files of the authority it has; null where it was not made, in check mode.
  returned: with O(step=back_up) and O(step=restore)
  type: int
revoked:
  description: The serial numbers of what the lists say is revoked, and the ledger did not know.
  returned: with O(step=enter_lists)
  type: list
  elements: str
unknown:
  description: Those of them whose certificates the ledger does not have, since they were issued after the backup.
  returned: with O(step=enter_lists)
  type: list
  elements: str
lines:
  description: All of that for people, with what is to be done next.
  returned: success
  type: list
  elements: str
"""
