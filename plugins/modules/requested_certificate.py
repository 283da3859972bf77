#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: requested_certificate
short_description: Sign the certificate signing request of a printer, hypervisor or other appliance
version_added: 0.3.0
description:
  - Signs a leaf certificate for a request (PKCS#10) that somebody brings from a device which makes its own key and
    which Ansible does not reach. The private key never leaves that device.
  - Only the public key is taken from the request, once its signature shows that whoever made it has the private key.
    Names, purpose and lifetime come from the task. What the request asks for besides has no effect.
  - The certificate is in the ledger of the authority under O(name), on no host. It is listed, exported, published about
    and revoked as any other, and the playbook C(report) and metrics have the time of its end.
  - The same task again returns the same certificate, until its last third has begun, the request has another key, or
    names, profile, lifetime, issuer or root change. A new one takes its place in the ledger, while the device goes on
    to use what it has. Only a person, or a task of your own, puts the new one on the device.
  - The key has to be RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, Ed25519, or where the controller's
    library knows it ML-DSA. It must be no key of the authority, none of another leaf in use, and none that was revoked
    as compromised. Requests that are signed with MD5 or SHA-1 are refused.
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
  csr_path:
    description:
      - The file with the request in PEM, on the controller. A relative path is looked for as Ansible looks for files.
        It may have text around the request, and no other block in PEM.
      - Exactly one of O(csr_path) and O(csr_content) is required.
    type: str
  csr_content:
    description:
      - The request itself, in PEM, such as what an appliance's API returned.
    type: str
  names:
    description:
      - The subject alternative names of the certificate, as O(anchorage.pki.leaf_certificate#module:names) takes them.
      - A warning tells where the request asks for others, whenever a certificate is signed.
      - Required unless O(names_from_request=true).
    type: list
    elements: str
  names_from_request:
    description:
      - Whether to take the names that the request asks for, or where it has no subject alternative names its common
        name. Whoever made the request chose them, so look at them first. The name constraints of the authority hold for
        them, too.
    type: bool
    default: false
  profile:
    description:
      - What the certificate may be used for.
    type: str
    choices: [server, client, peer]
    default: server
  lifetime:
    description:
      - The lifetime in days, at most C(leaf_lifetime) of M(anchorage.pki.certificate_authority), which is the default.
    type: int
  destination:
    description:
      - A folder on the controller for C(cert.pem), C(chain.pem) and C(fullchain.pem), readable for everybody. It is
        made where there is none, and each file replaced at once. A folder that has another leaf of the ledger is
        refused. Without it, nothing is written.
    type: path
  publish:
    description:
      - The folder where M(anchorage.pki.certificate_revocation) publishes lists. Where a list there says of more that
        it is revoked than the ledger, which is then older, nothing is signed.
    type: path
seealso:
  - module: anchorage.pki.leaf_certificate
  - module: anchorage.pki.certificate_revocation
  - module: anchorage.pki.authority_ledger
"""

EXAMPLES = r"""
- name: Sign the request of a printer
  anchorage.pki.requested_certificate:
    name: printer1
    csr_path: requests/printer1.csr
    names: [printer1.internal, 10.0.0.9]
    destination: "{{ playbook_dir }}/certificates/printer1"

- name: Sign what a hypervisor's API gave, and take the names from there
  anchorage.pki.requested_certificate:
    name: hypervisor1
    csr_content: "{{ hypervisor_request.json.csr }}"
    names_from_request: true
    lifetime: 60
  register: signed

- name: Show until when it is valid
  ansible.builtin.debug:
    msg: "{{ signed.serial_number }} until {{ signed.not_after }}"
"""

RETURN = r"""
signed:
  description: Whether the task signed a certificate or, in check mode, would. It may write files without that.
  returned: success
  type: bool
reason:
  description: Why one is signed, or until when the one that stays is valid.
  returned: success
  type: str
  sample: the last third of its lifetime has begun; it ends on 2026-06-08
name:
  description: The name by which the ledger knows it.
  returned: success
  type: str
names:
  description: The names of the certificate.
  returned: success
  type: list
  elements: str
not_requested:
  description: Those of them that the request does not ask for.
  returned: success
  type: list
  elements: str
left_out:
  description: What the request asks for and the certificate does not have.
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
renew_at:
  description: The time from which the task signs another one, in UTC.
  returned: unless check mode would sign it
  type: str
files:
  description: The files below O(destination); empty without that.
  returned: success
  type: list
  elements: str
"""
