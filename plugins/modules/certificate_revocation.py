#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_revocation
short_description: Revoke certificates of a local authority, and sign and publish what says so
version_added: 0.3.0
description:
  - Enters in the ledger of the authority that certificates are revoked, signs the certificate revocation lists (CRLs)
    and the OCSP responses that say so, and with O(publish) writes all of it into a folder that a web server serves.
  - Each of these steps is done once. Where a run is cut off, the next one finishes it, whatever it names.
  - Where it is entered and a later step fails, the task fails, and its result has RV(certificates) and
    RV(pending_hosts) nevertheless, so that a play can rescue it and have the hosts act first.
  - While another run publishes, what is revoked is entered at once, and all else waits for up to two minutes. Lists and
    responses are signed under the lock of the file C(publication-lock) in the authority's folder.
  - A task that names no certificate renews the lists and responses that are due, and publishes them. Run it at least
    twice in the lifetime of a staple (the option O(anchorage.pki.certificate_authority#module:staple_lifetime)), by
    default every three days. Else a list ends, after which verifiers that ask for one refuse every certificate.
  - A revocation cannot be taken back. There is no certificateHold.
  - No host is contacted. The next run of M(anchorage.pki.leaf_certificate) on a host replaces a revoked leaf, or with
    O(reissue=false) takes its staple away. Until then a server can show the staple that it has, at most until
    RV(certificates[].good_until).
  - A list is signed with the key of the issuing authority, or of the root. Where that key is away or damaged, or
    encrypted and O(passphrase) is not given, all the rest is done, RV(crl) is V(pending), and a run with the key signs
    the list. The same goes for the responder's key, the responses and RV(ocsp), and for both where the folder of an
    issuing authority is gone that the ledger knows and whose leaves have not ended.
  - Of the leaves of a revoked issuing certificate, no response is signed, and published ones that say good are removed.
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
    support: partial
    details:
      - By O(serial) or O(certificate), a certificate is revoked once. By O(name), it is the leaf which is in use there
        at that time, so that the same task revokes the next one, too, once a host has it and the former revocation is
        finished.
options:
  name:
    description:
      - The name of a leaf, as M(anchorage.pki.leaf_certificate) knows it, with its O(host). Without a host, it is
        what M(anchorage.pki.requested_certificate) signed under that name and has not ended, former leaves as well,
        since the device may still use them. The last one can be named after its end, too, so that a device which is
        gone is shown as due no longer.
      - What is revoked are the leaves of that name which are in use there, or may be since they were signed for it.
        Leaves that were replaced have a serial number.
      - Where a former revocation there is not finished, as it is not published and O(publish) is given, or a good
        staple of it may be shown, the task finishes that, and revokes nothing that was issued there since. A warning
        names the serial number of the latter.
    type: str
  host:
    description:
      - The host of the leaf, by its name in the inventory. Needs O(name).
    type: str
  destination:
    description:
      - The folder on the host that holds the leaf's folder, as M(anchorage.pki.leaf_certificate) has it. Without it, in
        any folder. Needs O(host).
    type: str
  serial:
    description:
      - The serial number of a leaf or issuing certificate, in hexadecimal, with colons or without. Quote it.
    type: str
  certificate:
    description:
      - A file on the controller that holds the leaf or issuing certificate, in PEM, and no other certificate.
        C(chain.pem) in the folder of a leaf, which is its issuing certificate, is refused.
      - It may be one that the authority has signed and its ledger lacks, since the ledger was restored from an older
        backup. It is entered then, and a warning says that nobody knows which host has it.
    type: path
  reason:
    description:
      - Why it is revoked (RFC 5280, section 5.3.1).
      - A revocation keeps the reason that it was entered with.
    type: str
    choices:
      - unspecified
      - key_compromise
      - ca_compromise
      - affiliation_changed
      - superseded
      - cessation_of_operation
      - privilege_withdrawn
      - aa_compromise
    default: unspecified
  reissue:
    description:
      - Whether M(anchorage.pki.leaf_certificate), or M(anchorage.pki.requested_certificate), is to issue another leaf
        in the place of a revoked one.
      - V(false) is kept in the ledger and blocks the place until a task that names the revoked leaf says V(true).
      - A leaf that was replaced has no place any more, before it is revoked or since, so that V(false) blocks nothing.
        The task warns of that.
      - The place of a revoked issuing certificate is always taken by another one, and its leaves are replaced.
    type: bool
    default: true
  publish:
    description:
      - A folder on the controller into which lists, issuers and OCSP responses are written, readable for everybody. It
        is made where it is missing. What it holds besides stays. What is published and not readable for everybody any
        more is made so, and nothing is written through a symbolic link in it.
      - It gets C(crl/<issuer>.crl) and C(issuers/<issuer>.cer) in DER, where C(<issuer>) is the identifier of the
        issuer's key in hexadecimal, and below C(ocsp) the response to each OCSP request by GET about a leaf that has
        not ended, for CertIDs of SHA-1 and of SHA-256.
      - No response is there for a leaf that was issued since.
    type: path
seealso:
  - module: anchorage.pki.certificate_authority
  - module: anchorage.pki.certificate_authority_info
  - module: anchorage.pki.leaf_certificate
"""

EXAMPLES = r"""
- name: Revoke a leaf whose key was taken, and publish that
  anchorage.pki.certificate_revocation:
    name: app
    host: web1
    reason: key_compromise
    publish: /srv/pki

- name: Retire a service for good
  anchorage.pki.certificate_revocation:
    serial: "53:4a:1f:02:77"
    reason: cessation_of_operation
    reissue: false

- name: Renew lists and responses, and publish them
  anchorage.pki.certificate_revocation:
    publish: /srv/pki
"""

RETURN = r"""
certificates:
  description: The certificates that the task names, as they are after it or, in check mode, would be.
  returned: success, or where they are entered and a later step failed, as all that follows
  type: list
  elements: dict
  contains:
    kind:
      description:
        - V(leaf), V(issuing), or V(cross), which is a root as another one has signed it that gives way to it.
      type: str
    changed:
      description: Whether the task revoked it, or changed whether it is to be reissued.
      type: bool
    status:
      description:
        - What the ledger had of it before, which is V(signed), V(deployed), V(superseded) or V(revoked); V(unrecorded)
          where it lacked it.
      type: str
      sample: deployed
    host:
      description: The host of a leaf, or null, also where the ledger lacked it.
      type: str
    path:
      description: The folder of a leaf on its host, or null, also where the ledger lacked it.
      type: str
      sample: /etc/pki/anchorage/app
    places:
      description:
        - In how many places leaves of an issuing certificate are in use, or may be, after the run and before hosts have
          replaced them; null of others.
      type: int
    revoked_at:
      description: When it was revoked, in UTC.
      type: str
    reason:
      description: Why it was revoked.
      type: str
    reissue:
      description:
        - Whether another leaf is to be issued in its place; null of what is no leaf, and of a leaf that was replaced
          before it was revoked.
      type: bool
    good_until:
      description:
        - Until when whoever has a copy of a staple or published response of it can show that it is good, in UTC; of an
          issuing certificate, that one of its leaves is. Null where nobody can, or the ledger does not know.
      type: str
      sample: "2026-06-08T11:55:00Z"
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
crl:
  description:
    - V(signed), or V(pending) where a list is due that cannot be signed, as its key is away or damaged. RV(lists) says
      which one. V(pending) also where a later step failed.
    - The list of the root counts only where it is to tell of a revoked issuing certificate, since its key may be off
      line for months.
  returned: success
  type: str
ocsp:
  description:
    - V(signed), or V(pending) where responses are due that cannot be signed, as the responder's key is away or damaged,
      or the responder has ended, or where a later step failed.
  returned: success
  type: str
lists:
  description:
    - The last list of the root, and of each issuing authority that has leaves which have not ended. Empty where a later
      step failed.
  returned: success
  type: list
  elements: dict
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
    path:
      description: Where it is published on the controller; null without O(publish).
      type: str
    state:
      description: V(signed), or V(pending) where another one is due and cannot be signed.
      type: str
pending_hosts:
  description:
    - Where a good staple of a revoked leaf may still be shown, since the host has not confirmed yet that it is gone.
      And where leaves of a revoked issuing certificate may be in use.
  returned: success
  type: list
  elements: dict
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
issuing_due:
  description:
    - Whether no leaf can be issued before M(anchorage.pki.certificate_authority) has made another issuing certificate,
      since the last one is revoked, or the one in its place is unfinished. So it is while the root gives way to another
      one below which leaves are to be issued, and that one's issuing certificate is revoked.
  returned: success
  type: bool
"""
