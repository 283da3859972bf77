# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options of the host half staple_deployment, which is too long for the file of the others."""

    DOCUMENTATION = r"""
---
options:
  inspect:
    description:
      - The staples of which to say what is deployed, and which certificates they would be for.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the staple's folder.
        type: str
        required: true
      certificate:
        description: The path of the certificate, a file in PEM. Of several certificates in it, the first counts.
        type: str
        required: true
      issuer:
        description: The path of its issuer's certificate; empty where that follows in the same file.
        type: str
        default: ""
  fetch:
    description:
      - What to ask OCSP responders. Not available in check mode.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the staple's folder.
        type: str
        required: true
      url:
        description: The URL of the responder.
        type: str
        required: true
      request:
        description: The OCSP request in DER and base64.
        type: str
        required: true
      allow_private:
        description: Whether loopback and private addresses may be asked.
        type: bool
        default: false
  deploy:
    description:
      - The staples to deploy, all together or none. Not available in check mode.
    type: list
    elements: dict
    suboptions:
      name:
        description: The name of the staple's folder.
        type: str
        required: true
      path:
        description: The path of the certificate.
        type: str
        required: true
      action:
        description:
          - V(staple) is a new staple, or none any more; V(repair) fixes modes, owners and pointers of the deployed
            generation and activates it; V(note) remembers what came of attempts, as the others do, too.
        type: str
        required: true
        choices:
          - staple
          - repair
          - note
      expected_generation:
        description: The generation that the inspection found; another one means that another run was faster.
        type: int
        default: 0
      certificate:
        description: The certificate in PEM that the staple is for. Where the host has another one, nothing is stapled.
        type: str
        default: ""
      staple:
        description: The OCSP response in DER and base64; empty for none.
        type: str
        default: ""
      failures:
        description: How often in a row no staple could be had.
        type: int
        default: 0
      failure:
        description: Why not, the last time.
        type: str
        default: ""
      next_attempt:
        description: When to try again, in seconds since 1970-01-01 UTC; 0 for any time.
        type: int
        default: 0
  remove:
    description:
      - The names of the staples to remove.
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
        description: Where to look at what is served. Probes of what is not deployed in this call are left out.
        type: list
        elements: dict
        default: []
        suboptions:
          certificate:
            description: The name of the staple whose certificate has to be served there.
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
      - The folder that holds a folder for each staple. No part of the path may be a symbolic link, but for
        macOS' own C(/etc), C(/tmp) and C(/var); as root, nobody else may be able to write in any part of it, except to
        remove.
    type: path
    default: /etc/pki/anchorage-staples
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
      - The mode of the deployed files, none of which is secret. Symbols start from V(0600).
    type: raw
    default: "0644"
  server:
    description:
      - The server for which pointers are kept.
    type: str
    choices:
      - none
      - nginx
      - haproxy
    default: none
  withdrawal:
    description:
      - Whether staples are withdrawn on the host before they end, and where their certificates are replaced.
    type: str
    choices:
      - auto
      - "off"
    default: "off"
  digests:
    description:
      - With O(inspect), the SHA-256 of the programs' files that a host with staples to withdraw has to have, by their
        names.
    type: dict
    default: {}
"""
