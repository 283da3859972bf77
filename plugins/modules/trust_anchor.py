#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: trust_anchor
short_description: Make hosts trust a root certificate, and prove that they do
version_added: 0.1.0
description:
  - Installs an anchor in the trust stores of a host, or removes it from them.
  - An anchor counts as trusted only when it is found in what programs read, and when C(openssl verify) accepts it with
    these files alone. The exit status of a store's own tools is not relied upon, since it exits 0 whatever was
    left out.
  - What a former run, a crash or a person left half done is repaired. Where the proof fails, the change is rolled back.
  - Anchors are identified by their fingerprint, never by a file's name.
  - What the stores of a host say of the roots of O(authority) is entered in its ledger; what stays the same, once a
    day.
  - One store's failure does not keep the others from being changed; the task fails after all of them were tried.
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
    support: full
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
      - The kinds of stores to change. A kind of which the host has nothing is left out of RV(stores).
      - V(system) stands for the operating system's own roots, with the Java keystore that Debian makes of them, and the
        OpenSSL of Homebrew and MacPorts; a host must have one that is known.
      - V(java) stands for the keystores of Java installations that the system does not feed.
      - V(policies) stands for the policies by which Firefox and Chromium trust more than they bring along.
      - V(nss) stands for the databases of all users' Firefox and Chromium.
      - V(applications) stands for settings that have programs with roots of their own read the system's bundle.
      - V(files) stands for truststore files without a key, which a task names for programs that take a path. These are
        the ones of O(truststores).
      - Without it, all but V(applications) and V(files) when O(state=present), and all when O(state=absent). With
        O(truststores), V(files) too.
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
  state:
    description:
      - V(present) trusts the anchor. It must be a root (signed by itself) that may sign certificates and is valid now.
      - V(absent) removes it from every store, under whatever name it is there. It may have expired. The older roots of
        an authority go too, since a renewed root keeps its key.
      - A file in which an administrator keeps the anchor together with other things is reported and left as it is; the
        task then fails.
    type: str
    choices:
      - present
      - absent
    default: present
  purge_superseded:
    description:
      - Also removes the authority's older roots, which a renewal left behind, from each store that trusts the new one.
      - Do so once no server sends a chain that only an older root verifies.
      - Without it, a root that gave way to another key and is still in the system's folder of anchors is a warning.
        M(anchorage.pki.trust_anchor_info) shows every store that has one.
      - Excludes O(certificate), O(src), O(anchors) and O(state=absent).
    type: bool
    default: false
  profile_path:
    description:
      - The path on the controller of a configuration profile for Macs, which the task writes whatever the host is. It
        must end with C(.mobileconfig), in a folder that exists.
      - A device management service installs it on Macs without asking anybody; a person installs it by opening the
        file. What it holds is public.
      - Of an authority, it has all roots that hosts must trust, two while one gives way to another. It keeps its
        identifiers, so that a device management service has it take the place of the former one.
      - Of O(anchors), it has all. Its identifiers come from the first.
      - The same anchors give the same bytes. Excludes O(state=absent).
    type: path
    version_added: 0.3.0
  allow_authorization_change:
    description:
      - On macOS 11 to 13.7.4 and 14 to 14.7.4, where root may not change the administrator's trust settings without a
        person at the screen, allows that for the time of the write. Afterwards the right
        C(com.apple.trust-settings.admin) is put back exactly as it was, also where the write fails; where the run is
        killed, the next one does so.
      - For these seconds every program on the Mac, whoever runs it, may change these settings.
      - Has no effect on later versions, on which macOS does not heed such a change or refuses it, nor where a write
        needs no such right.
    type: bool
    default: false
    version_added: 0.3.0
requirements:
  - "On the host: the package C(ca-certificates), except on macOS."
notes:
  - With pipelining, a program that is sent over the connection looks at the host. It changes nothing, and costs a
    fraction of a module, which is sent where something has to change.
  - Root privileges are needed on the host, but for O(stores=nss), which without them stands for the databases of the
    user who runs the task, and O(stores=files) with O(truststores) in the user's own folders. On macOS, a user without
    them changes such files and the user's own trust settings alone, which macOS asks the user at the screen to confirm.
  - Without O(certificate), O(src) and O(anchors), which exclude each other, the anchor is the root of O(authority).
    With one of them, O(authority) is not looked at, so that C(module_defaults) may name it for all tasks.
  - With the root of O(authority), the host gets a leaf that the ledger has, with its issuing certificate. macOS
    evaluates it as that of its server; other hosts have no use for it.
seealso:
  - module: anchorage.pki.trust_anchor_info
  - module: anchorage.pki.certificate_authority
author:
  - The anchorage.pki contributors (@anchorage)
"""

EXAMPLES = r"""
- name: Trust the root of the default authority
  anchorage.pki.trust_anchor:
  become: true

- name: Trust the root of another team's authority
  anchorage.pki.trust_anchor:
    src: other_team_root.pem
  become: true

- name: Trust the renewed root of the default authority, and no longer the former ones
  anchorage.pki.trust_anchor:
    purge_superseded: true
  become: true

- name: Trust the root of the default authority, and write the profile for managed Macs
  anchorage.pki.trust_anchor:
    profile_path: ~/anchorage.mobileconfig
  become: true

- name: Trust several roots at once, each proved by itself
  anchorage.pki.trust_anchor:
    anchors:
      - authority: /srv/authority
      - src: other_team_root.pem
      - url: https://pki.example.com/root.crt
        sha256: 96:BC:EC:06:26:49:76:F3:74:60:77:9A:CF:28:C5:A7:CF:E8:A3:C0:AA:E1:1A:8F:FC:EE:05:C0:BD:DF:08:C6
  become: true

- name: Have a truststore for Kafka hold the root of the default authority, and no other store
  anchorage.pki.trust_anchor:
    stores: [files]
    truststores:
      - path: /etc/kafka/truststore.p12
        format: pkcs12
        password: "{{ kafka_truststore_password }}"
        group: kafka
        mode: '0640'
  become: true
  notify: Restart Kafka

- name: Trust the root of the default authority in one's own browsers, without root
  anchorage.pki.trust_anchor:
    stores: [nss]

- name: Have a program of one's own trust it by a file, without root
  anchorage.pki.trust_anchor:
    stores: [files]
    truststores:
      - path: "{{ ansible_facts.env.HOME }}/.config/app/roots.pem"
        format: pem

- name: Trust it no more, wherever it was installed
  anchorage.pki.trust_anchor:
    src: other_team_root.pem
    state: absent
  become: true
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
profile:
  description: The configuration profile for Macs.
  returned: with O(profile_path)
  type: dict
  version_added: 0.3.0
  contains:
    path:
      description: The path of the file on the controller.
      returned: always
      type: str
      sample: /home/ops/anchorage.mobileconfig
    changed:
      description: Whether the file was written, or would be in check mode.
      returned: always
      type: bool
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
        - V(pending) and V(needs_user) are for platforms where the last step is a reboot, or a person's. A removal that
          needs a person, of a former anchor too, fails the task, other than in check mode and in a user's own store,
          which root cannot read.
        - V(blocked) when the anchor is explicitly distrusted on the host, which overrides any trust anchor;
          RV(stores[].evidence) names the place.
        - V(unavailable) when a program that the store needs is missing, or macOS lets no program change the store
          unattended; RV(stores[].evidence) names the package, or the way out.
        - V(failed) when the store could not be changed, or the change could not be proved.
      returned: always
      type: str
      sample: trusted
    changed:
      description: Whether this store was changed, or would be in check mode.
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
purged:
  description: The older roots that O(purge_superseded) removed.
  returned: always
  type: list
  elements: dict
  contains:
    sha256:
      description: The fingerprint of the older root.
      returned: always
      type: str
      sample: 0d6f1d1d8f1a4c5ab3f5a2f6cf3c8c0e54d3a1b2c3d4e5f60718293a4b5c6d7e
    stores:
      description: The names of the stores from which it was removed, or would be in check mode.
      returned: always
      type: list
      elements: str
      sample:
        - debian
"""
