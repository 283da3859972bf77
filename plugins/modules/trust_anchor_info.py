#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: trust_anchor_info
short_description: Show which trust stores of a host trust a root certificate
version_added: 0.1.0
description:
  - Looks for an anchor in what programs on a host read, store by store, as M(anchorage.pki.trust_anchor) does to prove
    its work.
  - Changes nothing.
extends_documentation_fragment:
  - anchorage.pki.authority
  - anchorage.pki.anchors
  - anchorage.pki.attributes
  - anchorage.pki.attributes.trust_stores
  - anchorage.pki.actiongroup_pki
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: Nothing is changed.
  idempotent:
    support: full
options:
  certificate:
    description:
      - The anchor itself, a single root certificate in PEM.
      - Text around it, a byte order mark and any line ends are accepted; only the certificate reaches the host.
    type: str
  src:
    description:
      - The path on the controller of a file with the anchor, a single root certificate in PEM.
      - A relative path is looked for as M(ansible.builtin.copy) does, in the folder C(files) of a role or play first.
    type: path
  stores:
    description:
      - The kinds of stores to look at. A kind of which the host has nothing is left out of RV(stores).
      - V(system) stands for the operating system's own roots, with the Java keystore that Debian makes of them, and the
        OpenSSL of Homebrew and MacPorts; a host must have one that is known.
      - V(java) stands for the keystores of Java installations that the system does not feed.
      - V(policies) stands for the policies by which Firefox and Chromium trust more than they bring along.
      - V(nss) stands for the databases of all users' Firefox and Chromium.
      - V(applications) stands for settings that have programs with roots of their own read the system's bundle.
      - V(files) stands for truststore files without a key, which a task names for programs that take a path. These are
        the ones of O(truststores).
      - Without it, all but V(applications) and V(files). With O(truststores), V(files) too.
    type: list
    elements: str
    choices:
      - system
      - java
      - policies
      - nss
      - applications
      - files
  java_keystore_password:
    description:
      - The password of Java keystores that have another one than V(changeit), which is tried first.
      - Keystores in a user's home are left to that user, whose own programs would learn it.
      - For Debian's own keystore, it is read from C(/etc/default/cacerts) on the host.
    type: str
notes:
  - Root privileges are not needed, as long as other users may read the stores.
  - Without O(certificate), O(src) and O(anchors), which exclude each other, the anchor is the root of O(authority).
    With one of them, O(authority) is not looked at, so that C(module_defaults) may name it for all tasks.
  - With the root of O(authority), the host gets a leaf that the ledger has, with its issuing certificate. macOS
    evaluates it as that of its server; other hosts have no use for it.
seealso:
  - module: anchorage.pki.trust_anchor
author:
  - The anchorage.pki contributors (@anchorage)
"""

EXAMPLES = r"""
- name: See whether the root of the default authority is trusted
  anchorage.pki.trust_anchor_info:
  register: trust

- name: Insist on it
  ansible.builtin.assert:
    that: trust.stores | rejectattr('state', 'eq', 'trusted') | length == 0
"""

RETURN = r"""
anchor:
  description: The anchor, of several the first.
  returned: unless O(anchors) is empty
  type: dict
  contains: &anchor
    source:
      description: What names it, such as V(url https://pki.example.com/root.crt).
      returned: with O(anchors)
      type: str
      version_added: 0.3.0
    sha256:
      description: The fingerprint of the certificate, SHA-256 in lower-case hexadecimal.
      returned: success
      type: str
      sample: 5f2d8fb1a1b1f3c0a7ad5c0de5f9c4cf0e4f7d8f2a3b4c5d6e7f8091a2b3c4d5
    subject:
      description: The subject of the certificate (RFC 4514).
      returned: success
      type: str
      sample: CN=Lab
    not_after:
      description: The end of the certificate's validity, in UTC (ISO 8601).
      returned: success
      type: str
      sample: '2036-11-18T12:00:00+00:00'
    expired:
      description: Whether that end has passed.
      returned: success
      type: bool
      version_added: 0.2.0
others:
  description: The paths of roots that this collection has installed on the host for other authorities.
  returned: unless the host could not report
  type: list
  elements: str
stores:
  description: Each trust store of the host, with what it says of RV(anchor).
  returned: always
  type: list
  elements: dict
  contains: &stores
    name:
      description:
        - The name of the store. The system's own is called by its platform, V(debian), V(redhat), V(suse), V(arch),
          V(alpine), V(freebsd) or V(macos), which for a user's own trust settings is followed by C(of) and the user's
          name; the Java store that Debian makes of it, V(debian-java).
        - Others are called by their place.
      returned: always
      type: str
      sample: debian
    kind:
      description: The kind of the store, as in O(stores).
      returned: always
      type: str
      sample: system
    read_by:
      description: The programs that trust what the store trusts.
      returned: always
      type: str
      sample: OpenSSL, curl, Python
    state:
      description:
        - V(trusted) when everything that reads the store trusts the anchor, and will after the next refresh.
        - V(absent) when the store has no trace of it.
        - V(stale) when an installation or removal was left half done, so that some programs may trust it and others
          not; M(anchorage.pki.trust_anchor) repairs it either way.
        - V(pending) and V(needs_user) are for platforms where the last step is a reboot, or a person's.
        - V(blocked) when the anchor is explicitly distrusted on the host, which overrides any trust anchor;
          RV(stores[].evidence) names the place.
        - V(unavailable) when a program that the store needs is missing, or macOS lets no program change the store
          unattended; RV(stores[].evidence) names the package, or the way out.
        - V(failed) when the store could not be read.
      returned: always
      type: str
      sample: trusted
    changed:
      description: Always V(false).
      returned: always
      type: bool
    evidence:
      description: What shows the state, sentence by sentence.
      returned: always
      type: list
      elements: str
      sample:
        - /usr/local/share/ca-certificates/anchorage-lab-5f2d8fb1a1b1f3c0.crt holds it
        - /etc/ssl/certs/ca-certificates.crt holds it
        - /etc/ssl/certs/4f316efb.0 leads to it in /usr/local/share/ca-certificates/anchorage-lab-5f2d8fb1a1b1f3c0.crt
        - openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt accepts it
        - openssl verify -CApath /etc/ssl/certs accepts it
further_anchors:
  description:
    - The others of O(anchors), or the other roots that the authority wants trusted, while one root gives way to
      another.
  returned: with O(anchors), or while O(authority) has several
  type: list
  elements: dict
  version_added: 0.3.0
  contains:
    <<: *anchor
    stores:
      description: Each trust store of the host, with what it says of this root.
      returned: always
      type: list
      elements: dict
      contains: *stores
superseded_anchors:
  description:
    - The authority's roots with another key that are to be trusted no more, since one root gave way to another, or was
      given up. M(anchorage.pki.trust_anchor) removes them with O(anchorage.pki.trust_anchor#module:purge_superseded).
    - Older roots that a renewal left behind are not among them, since they share the key of RV(anchor).
  returned: while O(authority) has any
  type: list
  elements: dict
  version_added: 0.3.0
  contains:
    <<: *anchor
    stores:
      description: Each trust store of the host that has this root nevertheless. None is as it should be.
      returned: always
      type: list
      elements: dict
      contains: *stores
"""
