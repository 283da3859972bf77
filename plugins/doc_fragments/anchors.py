# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the tasks that are about anchors: several at once, and truststore files."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  anchors:
    description:
      - Several anchors at once, which cost a host one look, and one refresh of the system's store where it has to
        change. Each is proved by itself. RV(anchor) and RV(stores) are about the first, RV(further_anchors) about the
        others, in their order.
      - Every entry has one of O(anchors[].certificate), O(anchors[].src), O(anchors[].url) and
        O(anchors[].authority). One that is refused is named, before anything is changed.
      - The same certificate twice counts once. An empty list changes nothing.
      - Excludes O(certificate) and O(src). O(authority) is not looked at.
    type: list
    elements: dict
    version_added: 0.3.0
    suboptions:
      certificate:
        description: The anchor itself, as O(certificate).
        type: str
      src:
        description: The path on the controller of a file with the anchor, as O(src).
        type: path
      url:
        description:
          - Where the controller downloads the anchor, by C(https) or C(http), once a run for all hosts, in check mode
            too. It may be served in PEM or in DER, a single certificate of at most 1 MiB, within a minute.
          - Proxies are those of the environment. Needs O(anchors[].sha256).
          - Credentials that C(netrc) has for the server go to that URL alone, and not to where it redirects.
        type: str
      authority:
        description:
          - The folder of an authority on the controller, whose root is the anchor, with the others that it wants
            trusted while one root gives way to another. When an anchor is removed, all roots of the authority are.
          - What the stores say of these is entered in its ledger.
        type: path
      sha256:
        description:
          - The SHA-256 fingerprint of the certificate, not of the file, in hexadecimal digits with or without colons,
            as C(openssl x509 -noout -fingerprint -sha256) prints it and as a PKI publishes it.
          - A certificate with another one is refused.
        type: str
  truststores:
    description:
      - Truststore files on the host, with certificates and no key, for programs that take a path. They are the stores
        of the kind V(files), which is meant too where O(stores) is not given.
      - A file that is missing is made and holds these anchors alone. One that exists keeps what else it holds, and is
        refused where it holds a private key, or is encrypted.
      - An anchor is removed from them as from any other store. A file goes with its last certificate.
      - In a folder of a user other than root, all is done as that user, who needs no root privileges for it.
    type: list
    elements: dict
    version_added: 0.3.0
    suboptions:
      path:
        description: The absolute path of the file on the host, in a folder that exists.
        type: str
        required: true
      format:
        description:
          - V(pem) is what OpenSSL, Python, Node and most others read.
          - V(pkcs12) is what Java 8u301 and later, .NET and OpenSSL read. The certificates are not encrypted, as they
            are no secret.
          - V(jks) is Java's own older format.
        type: str
        required: true
        choices:
          - pem
          - pkcs12
          - jks
      password:
        description:
          - What programs check the file by, of at least six characters. A file that has another one gets this.
          - Required with V(jks). Without it, V(pkcs12) has none, which Java reads by any. Excludes V(pem).
        type: str
      owner:
        description: The owner of the file, a name or number; without it, as it is, or whose the folder is.
        type: str
      group:
        description: The group of the file, likewise.
        type: str
      mode:
        description: The mode of the file, as in M(ansible.builtin.copy); without it, as it is, or V('0644').
        type: raw
"""
