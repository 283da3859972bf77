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
  - Tells what the authority in a folder on the controller is, until when its certificates are valid, what is due,
    and how many leaves it has issued.
  - It needs no passphrase, since it reads no private key.
author:
  - The anchorage.pki contributors (@anchorage)
extends_documentation_fragment:
  - anchorage.pki.authority
  - anchorage.pki.attributes
  - anchorage.pki.actiongroup_pki
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: Nothing is changed.
  idempotent:
    support: full
  platform:
    platforms: posix
    support: full
    details: Runs on the controller, whatever the host.
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
"""

RETURN = r"""
exists:
  description:
    - Whether there is an authority in the folder. Where there is none, only RV(folder) and RV(msg) are returned.
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
due:
  description: What M(anchorage.pki.certificate_authority) would make now, and why.
  returned: when there is an authority
  type: list
  elements: str
leaves:
  description:
    - How many leaves are V(signed) but not yet seen on their host, V(deployed), V(superseded) and V(revoked).
  returned: when there is an authority
  type: dict
  sample: {"deployed": 12, "superseded": 3}
root:
  description: The root certificate, the one that hosts should trust.
  returned: when there is an authority
  type: dict
  contains: &certificate
    path:
      description: Where the certificate lies on the controller, as PEM.
      type: str
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
"""
