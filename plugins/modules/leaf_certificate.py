#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action plugin of the same name, which runs on the controller and calls leaf_deployment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: leaf_certificate
short_description: Issue, staple, deploy and activate leaf certificates, or remove them
version_added: 0.1.0
description:
  - Issues leaf certificates from an authority of M(anchorage.pki.certificate_authority), signs an OCSP response to
    staple with each, and deploys key, certificate, chain and staple to the host as one immutable generation.
  - A leaf is renewed in the last third of its lifetime, and whenever the task asks for other names, another profile,
    key type, lifetime or place of the key. A staple is renewed when half of its lifetime is over, or when the authority
    no longer promises for as long.
  - A new generation comes into use by replacing one small file, so that no server ever reads a half-replaced set.
    With O(activate), the server's configuration is tested, the server reloaded and the served certificate and staple
    probed, all in the call that deploys; where any of this fails, the former generation is put back and reloaded.
  - However many certificates a task names, a host is called once when nothing changes and twice otherwise.
  - Certificates are signed on the controller. Hosts need nothing but Python, except for O(private_key=host).
author:
  - The anchorage.pki contributors (@anchorage)
extends_documentation_fragment:
  - anchorage.pki.authority
  - anchorage.pki.authority.passphrases
  - anchorage.pki.attributes
  - anchorage.pki.actiongroup_pki
requirements:
  - "For DNS names beyond ASCII, on the controller: the Python package C(idna), 3.3 or newer."
attributes:
  check_mode:
    support: full
    details: >-
      The keys are unlocked as in the run, so that the same passphrases are needed. What
      M(anchorage.pki.certificate_authority) has to renew first is a warning, since an earlier task may do so.
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    platforms: posix
    support: full
options:
  state:
    description:
      - V(present) issues and deploys what the task names.
      - V(absent) removes it from the host, with its key, and has the ledger say so. Only O(authority), O(name) or
        O(certificates), and O(destination) count then, and the authority need not be there any more. No server is
        reloaded; one whose configuration names a removed file does not start again. What others put into a leaf's
        folder stays, with a warning. O(destination) goes with the last leaf in it. A leaf stays, with a
        warning, that another authority has put where this one had its own before.
    type: str
    choices: [present, absent]
    default: present
    version_added: 0.2.0
  issue:
    description:
      - Whether new leaves are issued. With V(false), staples are renewed, files repaired and servers activated alone,
        for which neither the root's key nor the issuing one is needed. A leaf that would have to be new stays as it is,
        with the reason in RV(certificates[].reason) or in a warning, and keeps being stapled as long as it is valid.
    type: bool
    default: true
    version_added: 0.3.0
  urls:
    description:
      - Whether new leaves name the URLs that the authority's policy has, once something is published there. With
        V(false) they name none, as while no web server has what is published.
    type: bool
    default: true
    version_added: 0.3.0
  name:
    description:
      - The name of the leaf's folder below O(destination). It begins with a letter or digit and may hold letters,
        digits, dots, underscores and hyphens, 200 at most.
      - Required unless O(certificates) is given.
    type: str
  names:
    description:
      - The subject alternative names of the leaf. The kind of each follows from its form, as in V(app.internal),
        V(*.app.internal), V(10.0.0.7), V(ops@app.internal) or V(https://app.internal/).
      - DNS names beyond ASCII, such as V(straße.test) or V(日本。test), are converted to their A-labels by IDNA 2008. A
        name that programs would take for another one, as with full-width letters, is refused with what to write.
      - What begins with C(xn--) and is no A-label is refused, as are other labels with hyphens in the third and fourth
        place.
      - A URI has a scheme, a host by its DNS name, and what else names the service. One with user information or a
        fragment is refused.
      - Names that the authority does not permit are refused, until C(switching) also those that a rotation of its root
        brings.
      - Required together with O(name), except for O(state=absent).
    type: list
    elements: str
  certificates:
    description:
      - Many leaves at once, instead of O(name) and O(names). They are deployed and activated as one. Each may have
        its own O(profile), O(key_type), O(private_key), O(lifetime), O(staple), O(must_staple) and
        O(pkcs12_passphrase); the task's hold for those that do not.
      - The list may be empty, to see what the host has.
    type: list
    elements: dict
    suboptions:
      name:
        description: See O(name).
        type: str
        required: true
      names:
        description: See O(names).
        type: list
        elements: str
        required: true
      profile:
        description: See O(profile).
        type: str
        choices: [server, client, peer]
      key_type:
        description: See O(key_type).
        type: str
        choices: [ecdsa-p256, ecdsa-p384, rsa-3072, rsa-4096, ed25519, ml-dsa-44, ml-dsa-65, ml-dsa-87]
      private_key:
        description: See O(private_key).
        type: str
        choices: [controller, host]
      lifetime:
        description: See O(lifetime).
        type: int
      staple:
        description: See O(staple).
        type: bool
      must_staple:
        description: See O(must_staple).
        type: bool
        version_added: 0.3.0
      pkcs12_passphrase:
        description: See O(pkcs12_passphrase).
        type: str
  profile:
    description:
      - What the leaf may be used for. V(server) and V(client) are one side of a TLS connection, V(peer) is both.
    type: str
    choices: [server, client, peer]
    default: server
  key_type:
    description:
      - The type of the leaf's key. V(ed25519) gives a warning, since no browser accepts it.
      - V(ml-dsa-44), V(ml-dsa-65) and V(ml-dsa-87) are post-quantum, and give a warning as well. They need a release of
        C(cryptography) on the controller that signs certificates with them, such as 50, and OpenSSL 3.5 on the host,
        which refuses the leaf otherwise and keeps the one that it has. For O(pkcs12_passphrase), the host has to make
        the key.
    type: str
    choices: [ecdsa-p256, ecdsa-p384, rsa-3072, rsa-4096, ed25519, ml-dsa-44, ml-dsa-65, ml-dsa-87]
    default: ecdsa-p256
  private_key:
    description:
      - Where the private key is made. With V(controller) it travels to the host and is kept nowhere else.
      - With V(host) it never leaves the host, which needs the C(openssl) command for it; only a certificate signing
        request travels, of which nothing but the public key is used.
    type: str
    choices: [controller, host]
    default: controller
  lifetime:
    description:
      - How long the leaf is valid, in days. At most, and by default, the C(leaf_lifetime) of the authority.
      - A leaf of another lifetime is replaced, unless the issuing authority ends too soon for a longer one.
    type: int
  staple:
    description:
      - Whether an OCSP response is signed for the leaf, to be stapled by the server.
    type: bool
    default: true
  must_staple:
    description:
      - Whether the leaf says that clients are to refuse it without a staple (RFC 7633). Clients that use GnuTLS do;
        most others ignore it.
      - Needs O(staple) and a O(server) that shows it. The staple of such a leaf is never withdrawn, since clients
        refuse the leaf with an expired staple and without one alike. See to it that somebody is told when it is not
        renewed.
    type: bool
    default: false
    version_added: 0.3.0
  pkcs12_passphrase:
    description:
      - Deploy a PKCS#12 file with key and chain too, C(bundle.p12), under this passphrase. A changed passphrase takes
        effect with the next leaf.
    type: str
  destination:
    description:
      - The folder on the host below which each leaf has a folder of its own. The system's own are refused, such as C(/)
        and C(/etc).
      - On macOS too it is named without C(/private), where C(/etc), C(/tmp) and C(/var) lead.
    type: str
    default: /etc/pki/anchorage
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
      - The mode of the files that hold a private key, as M(ansible.builtin.file) takes it. All others are readable by
        everybody.
    type: raw
    default: "0600"
  server:
    description:
      - The server for which pointer files are kept in the leaf's folder, and which is tested and reloaded after a
        change.
      - With V(nginx) that is C(nginx.conf), to be included in a C(server) block.
      - With V(haproxy) it is C(haproxy.crt-list), to be named as C(crt-list) of a C(bind) line. HAProxy finds the
        staple itself.
      - With V(apache) it is C(apache.conf), to be included in a C(VirtualHost), and C(apache-cache.conf), to be
        included once outside and before all of them, whichever leaf's. Apache takes no staple from a file, so that the
        host gets a small responder on loopback, see O(responder_port).
      - With V(caddy) it is C(caddy.conf), to be imported in a site block. Caddy staples only what it fetches itself,
        from a URL that these certificates do not have, so that nothing is stapled, with a warning. It needs O(owner) or
        O(group) and O(mode) to let it read the key.
      - V(none) is for whatever reads its files from C(current).
      - nginx sends one staple with all certificates of a name, so that two of a task that share a name must have keys
        of one kind there.
    type: str
    choices: [none, nginx, haproxy, apache, caddy]
    default: none
  responder_port:
    description:
      - The TCP port of 127.0.0.1 at which C(anchorage-respond.socket) of systemd listens where O(server=apache) and
        there are staples. It is one for all leaves of a host.
      - The responder answers with the staple of any leaf of O(server=apache) on the host, until five minutes before its
        end, has no rights, and goes with the last of them. The task has to run as root for it.
      - Where SELinux confines Apache, it may connect there only with the boolean C(httpd_can_network_connect) on, or
        with the port among the type C(http_port_t).
    type: int
    default: 29477
    version_added: 0.3.0
  activate:
    description:
      - How the server takes a new generation into use. Where a step fails, the former generation is put back and the
        server reloaded again.
      - Without it, or without its O(activate.reload), that is the usual way of O(server), which needs root and systemd.
        The configuration is tested, and the unit reloaded with C(systemctl try-reload-or-restart), which does nothing
        where it does not run. Where the host does not have the server yet, a warning says so, and the first run that
        finds it there activates.
      - The host remembers which generation was activated, and by which command. A leaf that is deployed but was not
        activated, since a run had no O(activate) or another one, is activated by the next run that can.
      - On a host where nothing has to change, the probes look once, in the same call; a server that serves something
        else than what is deployed is activated again.
      - An empty dictionary stands for none, as for a host of a group whose other hosts have a server.
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
          - The command, as a list of arguments, that makes the server read its certificates again. Required with
            O(server=none), unless O(activate) is empty.
        type: list
        elements: str
      timeout:
        description:
          - The time limit for test, reload and probes together, in seconds; V(30) unless it is given. A rollback may
            take the same time again to reload, plus five seconds to check that the former leaf is served.
        type: int
      probes:
        description:
          - Where the served leaf and its staple are looked at, from the host itself, after the reload, and in each run
            that changes nothing.
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
              - The server name to ask for (SNI). Without it, the first DNS name of the certificate.
            type: str
  withdrawal:
    description:
      - Whether a staple is withdrawn on the host five minutes before its end where no run has renewed it, so that a
        server without one goes on to serve. nginx, for instance, serves a staple for as long as it has the file.
      - With V(auto), a systemd timer does so, for O(server=nginx) and O(server=none), where the task runs as root, and
        root alone can write in all folders on the way to C(/usr/local/lib/anchorage). It sets the pointers to the
        generation without its staple, runs the test and the reload of O(activate), and reloads no unit that is
        stopped. RV(certificates[].withdrawal) says whether it is there.
      - With V(off), there is none, and one that is there is removed.
    type: str
    choices: [auto, "off"]
    default: auto
    version_added: 0.3.0
  publish:
    description:
      - The folder on the controller in which M(anchorage.pki.certificate_revocation) publishes, by an absolute path.
      - Nothing is written there. Where a list in it says that something is revoked and the ledger does not, the ledger
        was restored from an older backup. The task signs no leaf and no staple then, and names the serial numbers.
    type: path
    version_added: 0.3.0
seealso:
  - module: anchorage.pki.certificate_authority
  - module: anchorage.pki.trust_anchor
notes:
  - With pipelining, a program that is sent over the connection looks at the host. It changes nothing, and costs a
    fraction of a module, which is sent where something has to change.
  - A task that carries a private key uses pipelining where the connection supports it, and is refused where
    ansible-core is set to keep remote files.
  - >-
    A generation C(v1), C(v2) and so on holds C(privkey.pem), C(cert.pem), C(chain.pem) (the issuing certificate,
    and the root's as a former root signed it, where one did), C(fullchain.pem) (leaf and chain), C(combined.pem) (leaf,
    chain and key),
    C(staple.der) and C(combined.pem.ocsp) (the staple, where HAProxy looks for it). C(current) links to the
    generation in use.
"""

EXAMPLES = r"""
- name: A leaf for nginx, reloaded and probed
  anchorage.pki.leaf_certificate:
    name: app
    names: [app.internal, 10.0.0.7]
    server: nginx
    activate:
      probes:
        - port: 443

- name: Several leaves in one call, one of them for mutual TLS with a key made on the host
  anchorage.pki.leaf_certificate:
    owner: postgres
    certificates:
      - name: database
        names: ["{{ inventory_hostname }}.internal"]
        profile: peer
        private_key: host
      - name: metrics
        names: [metrics.internal]

- name: The staple alone, where the issuing key is locked away
  anchorage.pki.leaf_certificate:
    name: app
    names: [app.internal, 10.0.0.7]
    issue: false

- name: A leaf that was renamed, so that nothing names its folder any more
  anchorage.pki.leaf_certificate:
    name: former-name
    state: absent

- name: A leaf in the user's own folder
  anchorage.pki.leaf_certificate:
    name: app
    names: [app.localhost, "*.app.localhost", 127.0.0.1, "::1"]
    destination: ~/.local/share/anchorage/certificates
"""

RETURN = r"""
certificates:
  description:
    - What became of each leaf, in the order of the task.
  returned: always, unless the host could not report
  type: list
  elements: dict
  contains:
    name:
      description: The name of the leaf's folder.
      type: str
    action:
      description:
        - What was done or, in check mode, would be done. V(leaf) is a new leaf with a new staple, V(staple) a new
          staple for the same leaf, V(repair) restores modes, owners, pointers or the withdrawal, V(activate)
          has a server use what is deployed, V(remove) takes the leaf away.
      type: str
      sample: none
    reason:
      description: Why.
      type: str
      sample: half of the staple's lifetime is over; it ends at 2026-11-28 07:55 UTC
    changed:
      description: Whether anything was or would be done.
      type: bool
    path:
      description: The leaf's folder on the host.
      type: str
      sample: /etc/pki/anchorage/app
    names:
      description: The names asked for, as they stand in the certificate; this and what follows with O(state=present).
      type: list
      elements: str
    withheld:
      description:
        - Why another leaf is needed that the task does not issue, with O(issue=false); null where none is.
      type: str
      sample: the deployed leaf is revoked
    generation:
      description: The number of the generation in use; before the change in check mode.
      type: int
    withdrawal:
      description:
        - Whether the staple is withdrawn on the host before it ends. V(installed) where a timer there does so;
          V(not needed) without a staple, with O(must_staple), with O(withdrawal=off), or with a server that needs none;
          V(unavailable) where the task is not root's, systemd does not run, or others than root may write in a folder
          on the way.
        - In check mode, what it would be.
      type: str
      sample: installed
    subject:
      description: The subject of the leaf (RFC 4514), which is not returned where a leaf is still to be made.
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
    staple:
      description:
        - The RV(certificates[].staple.this_update) and RV(certificates[].staple.next_update) of the staple, if any.
      type: dict
      contains:
        this_update:
          description: The time from which the staple is valid, in UTC.
          type: str
        next_update:
          description: The time until which the staple is valid, in UTC.
          type: str
others:
  description:
    - The leaves of the host that the task does not name, those in O(destination) and those that the authority's ledger
      knows in other folders.
  returned: with O(state=present), unless the host could not report
  type: list
  elements: dict
  contains:
    path:
      description: The leaf's folder on the host.
      type: str
      sample: /etc/pki/anchorage/former-name
    known:
      description: Whether the ledger of the authority knows it.
      type: bool
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
  description: What went wrong and what is in use now.
  returned: on failure
  type: str
"""
