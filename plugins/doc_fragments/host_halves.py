# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options of the host halves: Ansible sends a module's file to every host, and leaves fragments at home."""

    LEAF_DEPLOYMENT = r"""
---
options:
  inspect:
    description:
      - The leaves of which to say what is deployed.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the leaf's folder.
        type: str
        required: true
      host_key:
        description: Whether the host is to make the key where a new one is needed, for which it has to be able to.
        type: bool
        default: false
      keep:
        description: The SHA-256 of the leaf that would be kept if it is deployed; empty for none.
        type: str
        default: ""
      keep_chain:
        description: The SHA-256 of that leaf's C(chain.pem).
        type: str
        default: ""
      keep_pkcs12:
        description: Whether that leaf would be kept with a PKCS#12 file.
        type: bool
        default: false
      staple:
        description: Whether the leaf is to have a staple, for which O(server) may need a responder.
        type: bool
        default: false
      withdraw_at:
        description:
          - When the staple of the leaf that would be kept has to be withdrawn at the latest, in seconds since
            1970-01-01 UTC; 0 for never.
        type: int
        default: 0
  request:
    description:
      - The leaves for which the host makes a key, and keeps it until they are deployed. Not available in check mode.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the leaf's folder.
        type: str
        required: true
      key_type:
        description: The type of the key.
        type: str
        choices:
          - ecdsa-p256
          - ecdsa-p384
          - rsa-3072
          - rsa-4096
          - ed25519
          - ml-dsa-44
          - ml-dsa-65
          - ml-dsa-87
        default: ecdsa-p256
  deploy:
    description:
      - The leaves to deploy, all together or none. Not available in check mode.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the leaf's folder.
        type: str
        required: true
      action:
        description:
          - V(leaf) is a new leaf; V(staple) is the deployed leaf with a new staple; V(repair) fixes modes, owners and
            pointers of the deployed generation and activates it.
        type: str
        required: true
        choices:
          - leaf
          - staple
          - repair
      expected_generation:
        description: The generation that the inspection found; another one means that another run was faster.
        type: int
        default: 0
      certificate:
        description: The leaf in PEM.
        type: str
        default: ""
      chain:
        description: The issuing certificates in PEM.
        type: str
        default: ""
      private_key:
        description: The leaf's private key in PEM; empty for the one that is pending on the host.
        type: str
        default: ""
      staple:
        description: The OCSP response in DER and base64; empty for none.
        type: str
        default: ""
      pkcs12:
        description: A PKCS#12 bundle in base64; empty for none.
        type: str
        default: ""
      pkcs12_passphrase:
        description: The passphrase of a PKCS#12 bundle that the host builds, as it alone has the key.
        type: str
        default: ""
  remove:
    description:
      - The names of the leaves to remove.
    type: list
    elements: str
  show:
    description:
      - The names of the leaves whose certificates the controller does not know, and is to see.
    type: list
    elements: str
  activate:
    description:
      - How a server is made to use what O(deploy) deployed. Without it, no server is notified.
      - With O(inspect), whether the server was made to use what is deployed, and serves it.
    type: dict
    suboptions:
      test:
        description: The command that tests the server's configuration, as a list of arguments.
        type: list
        elements: str
        default: []
      reload:
        description: The command that reloads the server, as a list of arguments.
        type: list
        elements: str
        default: []
      timeout:
        description: The seconds that test, reload and probes may take together.
        type: float
        default: 30
      probes:
        description: Where to look at what is served. Probes of leaves that are not deployed in this call are left out.
        type: list
        elements: dict
        default: []
        suboptions:
          certificate:
            description: The name of the leaf that has to be served there.
            type: str
            required: true
          address:
            description: The host name or IP address to connect to.
            type: str
            default: 127.0.0.1
          port:
            description: The TCP port to connect to.
            type: int
            default: 443
          server_name:
            description: The name to ask for (SNI); empty to ask for none.
            type: str
            default: ""
          staple:
            description: Whether the staple has to be served too, where there is one.
            type: bool
            default: true
      server_commands:
        description: Whether to reload O(server) by its own command, and to test it so too unless there is a test.
        type: bool
        default: false
  destination:
    description:
      - The folder that holds a folder for each leaf. No part of the path may be a symbolic link, but for
        macOS' own C(/etc), C(/tmp) and C(/var); as root, nobody else may be able to write in any part of it, except to
        remove.
    type: path
    default: /etc/pki/anchorage
  owner:
    description:
      - The user, by name or number, whom the deployed files belong to.
    type: str
  group:
    description:
      - The group, by name or number, which the deployed files belong to.
    type: str
  mode:
    description:
      - The mode of the files that hold a private key. Symbols start from V(0600). It cannot open them to all users.
    type: raw
    default: "0600"
  server:
    description:
      - The server for which pointer files are kept.
    type: str
    choices:
      - none
      - nginx
      - haproxy
      - apache
      - caddy
    default: none
  responder_port:
    description:
      - The port of 127.0.0.1 at which the host's own responder gives a server its staples.
    type: int
    default: 29477
  withdrawal:
    description:
      - Whether staples are withdrawn on the host before they end, where that is needed and possible.
    type: str
    choices:
      - auto
      - "off"
    default: "off"
  digests:
    description:
      - With O(inspect), the SHA-256 of the programs' files that a host with staples to withdraw or to hand out has to
        have, by their names.
    type: dict
    default: {}
"""

    ANCHOR_DEPLOYMENT = r"""
---
options:
  operation:
    description:
      - What to do with the anchor in each store.
    type: str
    required: true
    choices:
      - inspect
      - install
      - remove
  anchor:
    description:
      - The anchor.
    type: dict
    required: true
    suboptions: &anchor
      name:
        description:
          - What stores call the anchor. It ends in the beginning of the certificate's fingerprint, so that no two
            anchors share one.
        type: str
        required: true
      pem:
        description:
          - The anchor, one certificate in PEM.
        type: str
        required: true
      permitted_domains:
        description:
          - The domains that the anchor's name constraints permit, for stores that can hold programs to them.
          - Empty where the anchor has no such limits.
        type: list
        elements: str
        default: []
  stores:
    description:
      - The kinds of stores to look at, as in M(anchorage.pki.trust_anchor).
    type: list
    elements: str
    choices:
      - system
      - java
      - policies
      - nss
      - applications
      - files
    default:
      - system
      - java
      - policies
      - nss
  java_keystore_password:
    description:
      - The password of keystores of the user who runs the module, where it is not V(changeit); empty for none.
    type: str
    default: ""
  superseded:
    description:
      - Former anchors that are removed from each store once what O(operation) says was done there.
    type: list
    elements: dict
    default: []
    suboptions: *anchor
  leaf_name:
    description:
      - The DNS name of the server that O(leaf_chain) begins with; empty for none.
    type: str
    default: ""
  leaf_chain:
    description:
      - A leaf of the authority and its issuer, each in PEM, for macOS to evaluate; empty for none.
    type: list
    elements: str
    default: []
  allow_authorization_change:
    description:
      - Whether macOS may be made to allow the change meanwhile, as in M(anchorage.pki.trust_anchor).
    type: bool
    default: false
  further:
    description:
      - Anchors that go with the first one, of a list, or while the root of an authority gives way to another.
    type: list
    elements: dict
    default: []
    suboptions: *anchor
  truststores:
    description:
      - The files of the kind V(files), as the option of M(anchorage.pki.trust_anchor), in JSON; empty for none.
    type: str
    default: ""
"""
