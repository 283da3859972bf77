#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_for_tests
short_description: Make a certificate that is expired or not yet valid, for tests
version_added: 0.3.0
description:
  - Makes a private key and a leaf certificate that every client has to refuse for its time and for nothing else, to
    test that clients, monitoring and alerts do so. It is signed by the authority, and its names are within the
    authority's name constraints.
  - It is written to a folder on the controller, and nowhere else. No role or playbook deploys it, and
    M(anchorage.pki.leaf_certificate) has no option for it.
  - The ledger lists it with the state V(test). It is never due, no table or metric counts it, and no rotation waits for
    it.
  - It names no URLs, and no staple or OCSP response is signed for it.
author:
  - The anchorage.pki contributors (@anchorage)
extends_documentation_fragment:
  - anchorage.pki.authority
  - anchorage.pki.authority.passphrases
  - anchorage.pki.attributes
  - anchorage.pki.attributes.on_the_controller
  - anchorage.pki.actiongroup_pki
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description:
      - The name by which the ledger knows the certificate, up to 200 letters, digits, dots, hyphens and underscores.
    type: str
    required: true
  names:
    description:
      - The subject alternative names of the certificate, as O(anchorage.pki.leaf_certificate#module:names) takes them.
    type: list
    elements: str
    required: true
  validity:
    description:
      - V(expired) ended a day before it was signed, after it was valid for one day.
      - V(not_yet_valid) begins a day after the certificate of its issuer has ended, and so is never valid. A key that
        is forgotten somewhere is of no use to anybody.
    type: str
    choices: [expired, not_yet_valid]
    required: true
  profile:
    description:
      - What the certificate may be used for.
    type: str
    choices: [server, client, peer]
    default: server
  key_type:
    description:
      - The type of the private key. For the ML-DSA types, the controller needs a release of C(cryptography) that signs
        with them.
    type: str
    choices: [ecdsa-p256, ecdsa-p384, rsa-3072, rsa-4096, ed25519, ml-dsa-44, ml-dsa-65, ml-dsa-87]
    default: ecdsa-p256
  destination:
    description:
      - A folder on the controller for C(cert.pem), C(chain.pem), C(fullchain.pem) and C(privkey.pem), the latter for
        its owner alone. It is made where there is none. A folder with such files that are not of this certificate is
        refused.
    type: path
    required: true
  publish:
    description:
      - The folder where M(anchorage.pki.certificate_revocation) publishes lists. Where a list there says of more that
        it is revoked than the ledger, which is then older, nothing is signed.
    type: path
seealso:
  - module: anchorage.pki.leaf_certificate
  - module: anchorage.pki.requested_certificate
"""

EXAMPLES = r"""
- name: Have a folder for it
  ansible.builtin.file:
    path: "{{ playbook_dir }}/tests/expired"
    state: directory
    mode: "0700"

- name: Make a certificate that has expired
  anchorage.pki.certificate_for_tests:
    name: expired
    names: [app.test]
    validity: expired
    destination: "{{ playbook_dir }}/tests/expired"
"""

RETURN = r"""
reason:
  description: Why one is made, or that it is there.
  returned: success
  type: str
name:
  description: The name by which the ledger knows it.
  returned: success
  type: str
names:
  description: The names of the certificate.
  returned: success
  type: list
  elements: str
subject:
  description: The subject of the certificate (RFC 4514), empty where it has no DNS name.
  returned: unless check mode would sign it
  type: str
serial_number:
  description: The serial number in hexadecimal.
  returned: unless check mode would sign it
  type: str
sha256:
  description: The SHA-256 fingerprint in hexadecimal.
  returned: unless check mode would sign it
  type: str
not_before:
  description: The first second of its validity, in UTC.
  returned: unless check mode would sign it
  type: str
not_after:
  description: The last second of its validity, in UTC.
  returned: unless check mode would sign it
  type: str
certificate:
  description: The certificate, in PEM.
  returned: unless check mode would sign it
  type: str
chain:
  description: What it is sent with, from its issuer on and without the root, in PEM.
  returned: unless check mode would sign it
  type: str
fullchain:
  description: Both, in PEM.
  returned: unless check mode would sign it
  type: str
files:
  description: The files below O(destination), the private key's among them.
  returned: success
  type: list
  elements: str
"""
