#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action plugin of the same name, which runs on the controller and calls staple_deployment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ocsp_staple
short_description: Staple certificates of other authorities
version_added: 0.3.0
description:
  - For a host whose nginx or HAProxy uses a certificate that another authority has issued, has the OCSP response
    fetched, verifies it, and deploys it for the server to staple. Certificates of
    M(anchorage.pki.certificate_authority) have their staples from M(anchorage.pki.leaf_certificate).
  - It is for authorities that answer by OCSP. Corporate ones do, such as AD CS, EJBCA and Dogtag, and some public ones;
    many of these ended it in 2025, among them Let's Encrypt. A certificate without an OCSP URL is left without a
    staple, which is no failure, with the reason in RV(certificates[].reason).
  - The certificate stays where it is, and nothing is written into its folder but for O(server=haproxy) one link beside
    it. The staple is deployed only while the host still has the certificate that it belongs to.
  - Every response is verified on the controller before a server gets it. It is refused unless the issuer or a responder
    that it appointed has signed it, about this certificate, that it is good now. None that is older replaces a good
    one.
  - A staple is renewed when half of its lifetime is over, or up to a tenth of it earlier. Where that fails, the good
    one stays until its end, a warning says so, and the responder is left alone for a minute, then two, up to an hour;
    or as long as it asks for, up to a day. An answer that more attempts would not change, such as that it does not know
    the certificate, makes that an hour at once. Such a pause takes no more than half of what the staple has left, and
    ends when the task asks in another way, such as at another O(responder_url). The task does not fail for a responder,
    whether or not there is a staple.
  - Where the issuer says that the certificate is revoked, its staple is taken away, and the task fails once all else is
    done, in each run until the certificate is replaced. It fails so, too, for a certificate that cannot be read,
    whose issuer is not found, or beside which something else has the place of HAProxy's link; the staples of all others
    are deployed first.
  - The staple of a certificate that has expired or was replaced is taken away, unless there is a new one.
  - However many certificates a task names, a host is called once where nothing is due. In a run, a response is fetched
    once for all hosts that have the certificate. One that a host has fetched is used for others only once it was
    verified.
author:
  - The anchorage.pki contributors (@anchorage)
extends_documentation_fragment:
  - anchorage.pki.attributes
  - anchorage.pki.actiongroup_pki
attributes:
  check_mode:
    support: full
    details: >-
      No responder is asked; each is taken to answer. A certificate that cannot be read is a warning, since an earlier
      task may bring it.
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    platforms: posix
    support: full
requirements:
  - "On the controller: the Python package C(cryptography), 43 or newer."
options:
  state:
    description:
      - V(present) has the staples of what the task names deployed and kept fresh.
      - V(absent) removes them from the host. Only O(name) or O(certificates), and O(destination) count then. No server
        is reloaded; one whose configuration includes a removed file does not start again.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - The name of the staple's folder below O(destination). It begins with a letter or digit and may hold letters,
        digits, dots, underscores and hyphens, 200 at most.
      - Required unless O(certificates) is given.
    type: str
  certificate:
    description:
      - The file with the certificate on the host, in PEM, as the server has it. Its first certificate is the one that
        counts.
      - Required together with O(name), except for O(state=absent).
    type: str
  issuer:
    description:
      - The file on the host with the certificate of the issuer, in PEM, where O(certificate) does not have it.
      - The issuer is the one among all that are there whose key has signed the certificate.
    type: str
  src:
    description:
      - A file on the controller with the same certificate, followed by that of its issuer. With
        O(fetch_from=controller), requests go to the URL in it. The task fails where the host has another certificate.
    type: path
  response:
    description:
      - A file on the controller with an OCSP response in DER that you have already. It goes through the same
        verification, and no responder is asked for this certificate. Where it is refused, that is the same as a failure
        of a responder.
    type: path
  responder_url:
    description:
      - The URL of the responder, V(http) or V(https), instead of those in the certificate.
      - Without it, each URL in the certificate has its turn as long as the one before it fails.
    type: str
  certificates:
    description:
      - Many certificates at once, instead of O(name) and O(certificate). Their staples are deployed and activated as
        one. The task's O(issuer) and O(responder_url) hold for those that do not have their own.
      - The list may be empty, to see what the host has.
    type: list
    elements: dict
    suboptions:
      name:
        description: See O(name).
        type: str
        required: true
      certificate:
        description: See O(certificate).
        type: str
        required: true
      issuer:
        description: See O(issuer).
        type: str
      src:
        description: See O(src).
        type: path
      response:
        description: See O(response).
        type: path
      responder_url:
        description: See O(responder_url).
        type: str
  fetch_from:
    description:
      - Who sends the requests. V(host) has the host do so, with the standard library of its Python.
      - V(controller) needs O(src), O(responder_url) or O(response) for each certificate. The controller sends no
        request to a URL that a host reports.
      - Both use the proxies of their environment.
    type: str
    choices: [host, controller]
    default: host
  allow_private:
    description:
      - Whether responders may have loopback and private addresses, as corporate ones often do. Link-local addresses are
        never connected to.
    type: bool
    default: false
  certid_digest:
    description:
      - The digest by which requests and responses name the certificate, which is no signature here. HAProxy serves, and
        most clients match, V(sha1) alone. V(sha256) is refused with O(server=haproxy).
    type: str
    choices: [sha1, sha256]
    default: sha1
  destination:
    description:
      - The folder on the host below which each staple has a folder of its own. The system's own are refused, such as
        C(/) and C(/etc).
      - On macOS too it is named without C(/private), where C(/etc), C(/tmp) and C(/var) lead.
    type: str
    default: /etc/pki/anchorage-staples
  owner:
    description:
      - The owner of the deployed files, by name or number. Without it, the user that the task runs as.
    type: str
  group:
    description:
      - The group of the deployed files, by name or number. Without it, the group of the user that the task runs as.
    type: str
  mode:
    description:
      - The mode of the deployed files, as M(ansible.builtin.file) takes it. None of them is secret.
    type: raw
    default: "0644"
  server:
    description:
      - The server for which a pointer is kept, and which is tested and reloaded after a change.
      - With V(nginx) that is C(nginx.conf) in the staple's folder, to be included in the C(server) block that names the
        certificate. It has the directives for stapling where there is a staple, and none where there is not.
      - With V(haproxy) it is a link beside the certificate, by its name with C(.ocsp) behind it, where HAProxy looks
        itself.
      - V(none) is for whatever reads C(staple.der) from C(current).
    type: str
    choices: [none, nginx, haproxy]
    default: none
  activate:
    description:
      - How the server takes a new staple into use. Where a step fails, the former one is put back and the server
        reloaded again.
      - Without it, or without its O(activate.reload), that is the usual way of O(server), as in
        M(anchorage.pki.leaf_certificate).
      - An empty dictionary stands for none.
    type: dict
    suboptions:
      test:
        description:
          - The command, as a list of arguments, that tests the server's configuration. With an O(activate.reload) of
            your own, nothing is tested without it.
        type: list
        elements: str
      reload:
        description:
          - The command, as a list of arguments, that makes the server read its files again. Required with
            O(server=none), unless O(activate) is empty.
        type: list
        elements: str
      timeout:
        description:
          - The time limit for test, reload and probes together, in seconds; V(30) unless it is given.
        type: int
      probes:
        description:
          - Where the served certificate and its staple are looked at, from the host itself, after the reload, and in
            each run that changes nothing.
        type: list
        elements: dict
        suboptions:
          certificate:
            description:
              - The name of the certificate that is served there. Can be left out where the task has one only.
            type: str
          address:
            description:
              - The address to connect to.
            type: str
            default: 127.0.0.1
          port:
            description:
              - The TCP port to connect to.
            type: int
            default: 443
          server_name:
            description:
              - The server name to ask for (SNI). Without it, none is asked for.
            type: str
  withdrawal:
    description:
      - Whether a staple is withdrawn on the host five minutes before its end where no run has renewed it, and as soon
        as the certificate is replaced, as in M(anchorage.pki.leaf_certificate).
      - With V(off), it is not, and what does so is removed.
    type: str
    choices: [auto, "off"]
    default: auto
seealso:
  - module: anchorage.pki.leaf_certificate
notes:
  - With pipelining, a program that is sent over the connection looks at the host. It changes nothing, and costs a
    fraction of a module, which is sent where something has to change, or is to be fetched.
  - A generation C(v1), C(v2) and so on holds C(cert.pem), the certificate that it is for, and C(staple.der) where there
    is a staple. C(current) links to the generation in use.
  - A certificate that demands a staple (must-staple, RFC 7633) and has none is a warning, since some clients refuse it.
"""

EXAMPLES = r"""
- name: Staple the certificate that AD CS has issued for nginx
  anchorage.pki.ocsp_staple:
    name: intranet
    certificate: /etc/ssl/certs/intranet.pem
    issuer: /etc/ssl/certs/issuing-ca.pem
    allow_private: true
    server: nginx

- name: Several certificates of HAProxy, by a responder that only the controller reaches
  anchorage.pki.ocsp_staple:
    server: haproxy
    fetch_from: controller
    responder_url: http://ocsp.corporate.example/
    certificates:
      - name: shop
        certificate: /etc/haproxy/certs/shop.pem
      - name: mail
        certificate: /etc/haproxy/certs/mail.pem

- name: A response that is there already
  anchorage.pki.ocsp_staple:
    name: intranet
    certificate: /etc/ssl/certs/intranet.pem
    response: intranet.ocsp.der

- name: A staple that nobody needs any more
  anchorage.pki.ocsp_staple:
    name: intranet
    state: absent
"""

RETURN = r"""
certificates:
  description:
    - What became of each staple, in the order of the task.
  returned: always, unless the host could not report
  type: list
  elements: dict
  contains:
    name:
      description: The name of the staple's folder.
      type: str
    action:
      description:
        - What was done or, in check mode, would be done. V(staple) is a new generation, with a staple where
          RV(certificates[].status) is V(good); V(unstaple) takes a staple away; V(repair) restores modes, owners,
          pointers or the withdrawal; V(activate) has a server use what is deployed; V(note) writes down that a
          responder gave nothing better, which changes nothing that a server reads; V(remove) removes the folder.
      type: str
      sample: none
    reason:
      description: Why.
      type: str
      sample: the staple is valid until 2026-12-08 12:00 UTC
    changed:
      description: Whether anything was or would be done, other than a note.
      type: bool
    path:
      description: The staple's folder on the host.
      type: str
      sample: /etc/pki/anchorage-staples/intranet
    certificate:
      description: The file with the certificate on the host; this and what follows with O(state=present).
      type: str
      sample: /etc/ssl/certs/intranet.pem
    generation:
      description: The number of the generation in use; before the change in check mode.
      type: int
    status:
      description:
        - What a server has to staple. V(good) is a staple; V(revoked) is none, since the authority has revoked the
          certificate; V(withdrawn) is none, since it was about to end; V(none) is none for another reason.
        - In check mode, before the change.
      type: str
      sample: good
    fingerprint:
      description: The SHA-256 of the certificate in hexadecimal, empty where it cannot be used.
      type: str
    not_after:
      description: The last second of the certificate's validity, in UTC, empty where it cannot be used.
      type: str
    url:
      description: The URL of the responder, the first one where there are several, empty where there is none.
      type: str
    staple:
      description: The times of the staple, if any.
      type: dict
      contains:
        this_update:
          description: The time from which the staple is valid, in UTC.
          type: str
        next_update:
          description: The time until which the staple is valid, in UTC.
          type: str
        renew_at:
          description: The time from which on the staple is to be renewed, in UTC.
          type: str
    failures:
      description: How often in a row no good response was got.
      type: int
    failure:
      description: Why not the last time, empty for no failure.
      type: str
      sample: connection refused
    next_attempt:
      description: The time from which on the responder is asked again, in UTC; empty for any time.
      type: str
    withdrawal:
      description:
        - Whether staples are withdrawn on the host, as in M(anchorage.pki.leaf_certificate).
      type: str
      sample: installed
others:
  description: The folders in O(destination) that the task does not name.
  returned: with O(state=present), unless the host could not report
  type: list
  elements: str
  sample: [/etc/pki/anchorage-staples/former-name]
activation:
  description: What was tested and reloaded, and what probes saw that is as it should be.
  returned: with O(state=present), unless the host could not report
  type: dict
  contains:
    tested:
      description: Whether the configuration test was run.
      type: bool
    reloaded:
      description: Whether the server was reloaded.
      type: bool
    probes:
      description: What each probe saw.
      type: list
      elements: dict
      contains:
        certificate:
          description: The name of the certificate.
          type: str
        address:
          description: The address that was probed.
          type: str
        port:
          description: The port that was probed.
          type: int
        leaf:
          description: V(served) where the deployed leaf was seen.
          type: str
        staple:
          description: V(served), V(not expected), or V(not probed) where no means on the host could see it.
          type: str
        detail:
          description: How it was seen, or why it could not be.
          type: str
msg:
  description: What went wrong and what is in use now, or which certificates are revoked.
  returned: on failure
  type: str
"""
