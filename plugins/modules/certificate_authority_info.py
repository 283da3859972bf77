#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_authority_info
short_description: Read a local certificate authority on the controller
version_added: 0.1.0
description:
  - Reports what the authority in a folder on the controller is, until when its certificates are valid, what is due,
    and how many leaves it has issued.
  - It needs no passphrase, since it reads no private key.
author:
  - The anchorage.pki contributors (@anchorage)
extends_documentation_fragment:
  - anchorage.pki.authority
  - anchorage.pki.attributes
  - anchorage.pki.attributes.on_the_controller
  - anchorage.pki.actiongroup_pki
options:
  due:
    description:
      - V(staples) lists in RV(due_staples) the staples that are to be renewed, by what hosts have confirmed that they
        have.
    type: str
    choices: [staples]
    version_added: 0.3.0
  places:
    description:
      - Which of the places where its leaves are to list in RV(places), as the ledger has them. V(host) are those of the
        host that the task runs for, V(all) those of every host.
    type: str
    choices: [none, host, all]
    default: none
    version_added: 0.2.0
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: Nothing is changed.
  idempotent:
    support: full
seealso:
  - module: anchorage.pki.certificate_authority
"""

EXAMPLES = r"""
- name: Read the authority
  anchorage.pki.certificate_authority_info:
  register: authority

- name: Show until when its root is valid
  ansible.builtin.debug:
    msg: "{{ authority.root.not_after if authority.exists else 'There is none yet.' }}"

- name: See which hosts have leaves
  anchorage.pki.certificate_authority_info:
    places: all
  register: authority

- name: Show those that the inventory no longer knows
  ansible.builtin.debug:
    msg: "{{ authority.places | rejectattr('host', 'in', groups.all) | map(attribute='host') | unique }}"

- name: See which hosts have staples that are to be renewed
  anchorage.pki.certificate_authority_info:
    due: staples
  register: authority

- name: Show them
  ansible.builtin.debug:
    msg: "{{ authority.due_staples | map(attribute='host') | unique }}"
"""

RETURN = r"""
exists:
  description:
    - Whether there is an authority in the folder that can sign. Where there is none, only RV(folder) and RV(msg) are
      returned; where one awaits its first issuing certificate, its policy and RV(issuing_request), too.
  returned: success
  type: bool
msg:
  description: What is missing.
  returned: when there is no authority
  type: str
folder:
  description: The folder of the authority.
  returned: success
  type: str
external_root:
  description:
    - Whether the root is another authority's. From two lifetimes of a leaf before the issuing certificate ends there is
      a warning then.
  returned: when there is an authority, or one awaits its issuing certificate
  type: bool
  version_added: 0.3.0
delegated:
  description:
    - The issuing certificates that the root signed for the authorities of other controllers, and for those of
      development proxies.
  returned: when there is an authority
  type: list
  elements: dict
  version_added: 0.3.0
  contains:
    subject:
      description: The subject (RFC 4514).
      type: str
    serial_number:
      description: The serial number in hexadecimal.
      type: str
    sha256:
      description: The SHA-256 fingerprint in hexadecimal.
      type: str
    not_before:
      description: The first second of its validity, in UTC.
      type: str
    not_after:
      description: The last second of its validity, in UTC.
      type: str
    revoked:
      description: Whether it is revoked.
      type: bool
issuing_request:
  description: As of M(anchorage.pki.certificate_authority), the request for an issuing certificate that is awaited.
  returned: while another authority is to sign one
  type: dict
  version_added: 0.3.0
due:
  description: What M(anchorage.pki.certificate_authority) would make now, and why.
  returned: when there is an authority
  type: list
  elements: str
leaves:
  description:
    - How many leaves are V(signed) but not yet seen on their host, V(deployed), V(superseded) and V(revoked). Those
      that were removed from their host are V(superseded) too.
  returned: when there is an authority
  type: dict
  sample: {"deployed": 12, "superseded": 3}
places:
  description:
    - Where a leaf is deployed, or may be since one was signed for it. A leaf that was renamed, or dropped from the
      inventory, keeps its place until it is removed with M(anchorage.pki.leaf_certificate).
  returned: when there is an authority, unless O(places=none)
  type: list
  elements: dict
  version_added: 0.2.0
  contains:
    host:
      description: The name of the host in the inventory.
      type: str
    path:
      description: The leaf's folder on the host.
      type: str
      sample: /etc/pki/anchorage/app
    not_after:
      description: The last second of the validity of the last leaf that was signed for it, in UTC.
      type: str
    next_update: &next_update
      description:
        - The time until which the staple in use is valid, in UTC. Null where there is none, or none is known yet.
      type: str
      version_added: 0.3.0
    renew_at: &renew_at
      description: The time from which the staple in use is to be renewed, in UTC, or null.
      type: str
      version_added: 0.3.0
due_staples:
  description:
    - The staples that hosts have and that are to be renewed, the longest due first. Those of leaves that have ended are
      left out, since such a leaf needs another one. Those that a clock which was ahead signed are due at once; so are
      those of revoked leaves, or of leaves of a revoked issuing certificate, to be taken away, also where nobody knows
      whether they arrived.
  returned: when there is an authority, with O(due=staples)
  type: list
  elements: dict
  version_added: 0.3.0
  contains:
    host:
      description: The name of the host in the inventory.
      type: str
    path:
      description: The leaf's folder on the host.
      type: str
      sample: /etc/pki/anchorage/app
    name:
      description: The name of the leaf's folder.
      type: str
      sample: app
    destination:
      description: The folder on the host that holds the leaf's folder.
      type: str
      sample: /etc/pki/anchorage
    next_update: *next_update
    renew_at: *renew_at
lists:
  description:
    - The last list of revoked certificates of the root, and of each issuing authority that has leaves which have not
      ended. M(anchorage.pki.certificate_revocation) signs and publishes them. There is a warning where a published one
      has less than a quarter of its life left.
  returned: when there is an authority
  type: list
  elements: dict
  version_added: 0.3.0
  contains:
    issuer:
      description: The subject of the issuer (RFC 4514).
      type: str
    issuer_key:
      description: The identifier of the issuer's key in hexadecimal, by which files and URLs name it.
      type: str
    number:
      description: The number of the list, or null where none was signed yet.
      type: int
    this_update:
      description: The time from which it is valid, in UTC, or null.
      type: str
    next_update:
      description: The time until which it is valid, in UTC, or null.
      type: str
    published_at:
      description: The time when it was published first, in whichever folder, in UTC, or null.
      type: str
issuing_due:
  description:
    - Whether no leaf can be issued before M(anchorage.pki.certificate_authority) has made another issuing certificate,
      since the last one is revoked, or the one in its place is unfinished. So it is while the root gives way to another
      one below which leaves are to be issued, and that one's issuing certificate is revoked.
  returned: when there is an authority
  type: bool
  version_added: 0.3.0
pending_restore:
  description:
    - Null, or that the ledger was restored and that nobody has said yet what was revoked since the backup, so that
      nothing is signed. There is a warning with the way out then.
  returned: when there is an authority
  type: dict
  version_added: 0.3.0
  contains:
    backed_up_at:
      description: When the backup was made, in UTC.
      type: str
    restored_at:
      description: When it was restored, in UTC.
      type: str
pending_hosts:
  description:
    - Where a good staple of a revoked leaf may still be shown, since the host has not confirmed yet that it is gone.
      And where leaves of a revoked issuing certificate may be in use.
  returned: when there is an authority
  type: list
  elements: dict
  version_added: 0.3.0
  contains:
    host:
      description: The name of the host in the inventory.
      type: str
    path:
      description: The leaf's folder on the host.
      type: str
    good_until:
      description: The time until which the staple is valid, in UTC; null for a leaf without one.
      type: str
root:
  description: The root certificate, the one that hosts should trust.
  returned: when there is an authority
  type: dict
  contains: &certificate
    path:
      description: The certificate's path on the controller, as PEM.
      type: str
    key_uri:
      description: Where the private key is on a PKCS#11 token, as a URI; null for a file beside the certificate.
      type: str
      version_added: 0.3.0
    certificate:
      description: The certificate as PEM; of the root only.
      type: str
    subject:
      description: The subject (RFC 4514).
      type: str
    serial_number:
      description: The serial number in hexadecimal.
      type: str
    sha256:
      description: The SHA-256 fingerprint in hexadecimal.
      type: str
    not_before:
      description: The first second of its validity, in UTC.
      type: str
    not_after:
      description: The last second of its validity, in UTC.
      type: str
anchors:
  description:
    - The root certificates that hosts must trust now, the one in use first.
    - There are two while one root gives way to another.
  returned: when there is an authority
  type: list
  elements: dict
  contains: *certificate
  version_added: 0.3.0
issuing:
  description: The issuing certificate in use.
  returned: when there is an authority
  type: dict
  contains: *certificate
responder:
  description: The OCSP responder's certificate in use.
  returned: when there is an authority
  type: dict
  contains: *certificate
requested:
  description:
    - The leaves that M(anchorage.pki.requested_certificate) signed last under each name, but for revoked ones. They are
      on no host that the ledger knows, and in no other list here.
  returned: when there is an authority
  type: list
  elements: dict
  version_added: 0.3.0
  contains:
    name:
      description: The name by which the ledger knows it.
      type: str
    names:
      description: Its subject alternative names.
      type: list
      elements: str
    due:
      description: Why the task is to sign another one, or null where it is not.
      type: str
    subject:
      description: The subject (RFC 4514).
      type: str
    serial_number:
      description: The serial number in hexadecimal.
      type: str
    sha256:
      description: The SHA-256 fingerprint in hexadecimal.
      type: str
    not_before:
      description: The first second of its validity, in UTC.
      type: str
    not_after:
      description: The last second of its validity, in UTC.
      type: str
key_type:
  description: The type of the authority's keys.
  returned: when there is an authority
  type: str
unconstrained:
  description: Whether the certificates carry no name constraints.
  returned: when there is an authority
  type: bool
permitted_domains:
  description: The permitted domains; empty where it is unconstrained.
  returned: when there is an authority
  type: list
  elements: str
permitted_networks:
  description: The permitted networks; empty where it is unconstrained.
  returned: when there is an authority
  type: list
  elements: str
lifetimes:
  description: The lifetimes in days, by kind.
  returned: when there is an authority
  type: dict
urls:
  description: The templates of URLs in certificates, by kind; an empty text where there is none.
  returned: when there is an authority
  type: dict
  version_added: 0.3.0
"""
