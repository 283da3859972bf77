#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: certificate_authority
short_description: Make and renew a local certificate authority on the controller
version_added: 0.1.0
description:
  - Makes a root certificate, an issuing certificate under it and an OCSP responder under that, with their private
    keys, in one folder on the controller, and renews each of them when it is due.
  - The issuing certificate is renewed, with a new key, when less than O(leaf_lifetime) is left of it; the responder
    when half of its lifetime is over; the root in the last third of its lifetime, with the key it has.
  - Everything runs in the Ansible process on the controller; no host is contacted. Put the task in a play of its own
    on C(localhost).
  - The authority is harmless by default. Its certificates carry critical name constraints, so that clients reject
    whatever it, or a thief of its keys, may sign outside O(permitted_domains) and O(permitted_networks).
  - Lifetimes and URLs can be changed later. All else is part of certificates that hosts already trust, so that a task
    which asks an existing authority for another key type, subject or other name constraints is refused.
  - Another key type and wider name constraints come with another root, by the playbook
    C(anchorage.pki.rotate_authority). While a rotation that brings them is on its way, a task that asks for them is as
    one that asks for the former ones.
  - A private key is never overwritten and never deleted.
  - The root can be another authority's, such as a company's or that of another controller, by O(issuing_request_path).
  - It can also be one that another program made, such as step, easy-rsa or M(community.crypto.x509_certificate), by
    O(import_certificate).
author:
  - The anchorage.pki contributors (@anchorage)
requirements:
  - "For O(permitted_domains) beyond ASCII, on the controller: the Python package C(idna), 3.3 or newer."
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
  subject:
    description:
      - What the certificates of the authority are named after.
    type: dict
    suboptions:
      common_name:
        description:
          - The common name of the root, at most 52 bytes. The issuing certificate adds its number to it.
          - Without it, a new authority is named C(Anchorage authority) and six random characters; check mode shows
            C(XXXXXX) for these.
        type: str
      organization:
        description:
          - The organization, at most 64 characters.
        type: str
      country:
        description:
          - The country code of two letters.
        type: str
  key_type:
    description:
      - The type of the keys of root, issuing authority and responder.
      - Without it, V(ecdsa-p256) for a new authority.
      - V(ed25519) gives a warning, since no browser accepts it.
      - V(ml-dsa-44), V(ml-dsa-65) and V(ml-dsa-87) are post-quantum, and give a warning as well. They need a release of
        C(cryptography) that signs certificates with them, such as 50, and OpenSSL 3.5 on hosts and clients.
    type: str
    choices: [ecdsa-p256, ecdsa-p384, rsa-3072, rsa-4096, ed25519, ml-dsa-44, ml-dsa-65, ml-dsa-87]
  root_key_uri:
    description:
      - The PKCS#11 token that has the root's key, as a URI (RFC 7512) with the path of its module, such as
        V(pkcs11:token=hsm?module-path=/usr/lib/softhsm/libsofthsm2.so). A new authority's key is made there and never
        leaves it.
      - With C(object) or C(id), the URI names a key that is there already, beside its public key.
      - Without it, a new authority's key is a file. An existing root's key stays where it is; see
        M(anchorage.pki.authority_rotation) for another root. Where the root is another authority's, the option is
        refused.
      - It needs the Python package C(PyKCS11) on the controller, and O(token_pin) or C(pin-source) in the URI.
    type: str
    version_added: 0.3.0
  issuing_key_uri:
    description:
      - The same for the key of the issuing authority. Where that of an existing one is elsewhere, another issuing
        authority is made, whose key is there; below the root of another authority, a request for one. While a request
        for another key is awaited, the option is refused.
      - Without it, a new issuing authority's key is where the former one's is, a key of its own on the same token.
    type: str
    version_added: 0.3.0
  permitted_domains:
    description:
      - The domains within which the authority can issue; each includes all names below it. They bind DNS names and
        the hosts of e-mail addresses and URIs.
      - Without it, V(localhost), V(local), V(test), V(internal) and V(home.arpa) for a new authority. A domain of
        your own is added by listing it beside those that you want to keep.
      - One beyond ASCII is converted to its A-labels, as O(anchorage.pki.leaf_certificate#module:names) are.
    type: list
    elements: str
  permitted_networks:
    description:
      - The networks within which the authority can issue for IP addresses. An address family without any network in
        the list is excluded whole.
      - Without it, the loopback, private and unique local networks for a new authority, which are V(127.0.0.0/8),
        V(10.0.0.0/8), V(172.16.0.0/12), V(192.168.0.0/16), V(::1/128) and V(fc00::/7).
    type: list
    elements: str
  unconstrained:
    description:
      - Leave the name constraints out. Whoever gets hold of a private key of such an authority can then impersonate
        any site in the world to the hosts that trust it.
    type: bool
  root_lifetime:
    description:
      - How long the root certificate is valid, in days, at most 36500. Without it, V(3650) for a new authority.
    type: int
  issuing_lifetime:
    description:
      - How long an issuing certificate is valid, in days. Without it, V(1095) for a new authority.
      - At most half of O(root_lifetime).
    type: int
  responder_lifetime:
    description:
      - How long the certificate of the OCSP responder is valid, in days. Without it, V(30) for a new authority.
      - At most half of O(issuing_lifetime).
    type: int
  leaf_lifetime:
    description:
      - How long leaf certificates are valid, in days, unless they ask for less. Without it, V(90) for a new
        authority.
      - At most 825, which is the longest that clients accept, and at most half of O(issuing_lifetime).
    type: int
  staple_lifetime:
    description:
      - How long stapled OCSP responses are valid, in days. Without it, V(7) for a new authority.
      - This is also the longest time for which a revoked leaf can still look good. At most half of
        O(responder_lifetime).
    type: int
  crl_url:
    description:
      - The URL in certificates at which verifiers find the list of revoked ones of their issuer, such as
        V(http://pki.example.com/crl/{issuer}.crl). C({issuer}) is replaced by the identifier of the issuer's key.
      - By http alone, since whoever fetches a list by https would have to verify that server first (RFC 5280, section
        8).
      - Certificates name URLs only once M(anchorage.pki.certificate_revocation) has published what is to be there,
        which it does in a folder that some web server has to serve at these URLs. Until then new leaves are issued
        without, with a warning. For issuing certificates see O(publish).
      - It is for certificates that are issued from then on. An empty text ends that.
    type: str
    version_added: 0.3.0
  ocsp_url:
    description:
      - The URL in leaves at which verifiers find the OCSP responses about them by GET, such as
        V(http://pki.example.com/ocsp). All else as for O(crl_url).
      - Leaves name it only while valid responses of their issuer are published.
      - A server of files answers no POST, by which some verifiers ask, C(openssl ocsp -url) among them.
    type: str
    version_added: 0.3.0
  issuer_url:
    description:
      - The URL in certificates at which verifiers find their issuer, such as
        V(http://pki.example.com/issuers/{issuer}.cer). All else as for O(crl_url).
    type: str
    version_added: 0.3.0
  publish:
    description:
      - A folder on the controller into which the list of a root that was never published, and what else is due, is
        written before an issuing certificate is made, as M(anchorage.pki.certificate_revocation) does it.
      - Without it, the first issuing certificate of an authority names no URLs, since nothing of its root was published
        by then.
    type: path
    version_added: 0.3.0
  issuing_request_path:
    description:
      - Where on the controller the request for an issuing certificate is written, by an absolute path, for another
        authority to sign. A new authority then has an issuing key and no root of its own; it signs nothing until
        O(issuing_certificate) brings the answer.
      - The request asks for path length 0 and the name constraints of O(permitted_domains) and O(permitted_networks).
        An authority keeps the kind of root with which it began.
      - From two of O(leaf_lifetime) before the issuing certificate ends there is a warning with each run, and a new
        request with a new key. The key waits in the authority's folder.
      - O(root_lifetime) and O(issuing_lifetime) mean nothing then, and no list of the root is published.
    type: path
    version_added: 0.3.0
  issuing_certificate:
    description:
      - The answer to the request, as text in PEM or as the path of a file on the controller, in any order with the
        certificates that lead from it to the root.
      - It is refused, with what to ask the other authority for, unless it is for the requested key, of path length 0,
        may sign certificates and lists, is not wider than the authority's name constraints, is valid and leads to a
        self-signed root.
      - An answer that was taken before changes nothing, so that the option can stay.
    type: str
    version_added: 0.3.0
  root_certificate:
    description:
      - The root certificate of the other authority, as text in PEM or as the path of a file on the controller, where
        O(issuing_certificate) does not hold it. Also that root as it was renewed, with the same name and key. It may
        be given before the request is answered.
    type: str
    version_added: 0.3.0
  import_certificate:
    description:
      - A root that another program made, as text in PEM or as the path of a file on the controller. A new authority is
        made from it, with an issuing certificate and a responder of its own below it.
      - The root stays as it is, byte for byte, and is not renewed. What it lacks, such as name constraints, is a
        warning with each run that says what it means. The issuing certificates carry the name constraints of
        O(permitted_domains) and O(permitted_networks) nevertheless.
      - The playbook C(anchorage.pki.rotate_authority) has hosts move to a root of this collection's own making.
      - It is refused, with what to do instead, where no issuing authority can be below it, as below roots of mkcert,
        whose path length is 0; or where it may not sign certificates, or ends before a leaf does.
      - Where O(subject) gives no name, the authority is named after the root.
      - A root that was imported before changes nothing, so that the option can stay.
      - Requires O(import_key). That is kept in a file, so O(root_key_uri) is refused beside it.
    type: str
    version_added: 0.3.0
  import_key:
    description:
      - The private key of O(import_certificate), as text in PEM or as the path of a file on the controller; PKCS#8, or
        as OpenSSL wrote it before.
      - It is written into the authority's folder, encrypted by O(passphrase) if that is given. The file stays as it
        is; remove it once the authority is made.
      - RSA keys of 2048 bits or more are taken, as well as those of O(key_type).
    type: str
    version_added: 0.3.0
  import_passphrase:
    description:
      - The passphrase of O(import_key), as it is given. It may be shorter than O(passphrase) may be.
    type: str
    version_added: 0.3.0
  sign_request:
    description:
      - The request of another controller's authority, which O(issuing_request_path) wrote there, as text in PEM or as
        the path of a file on this controller. This authority's root signs it, and so makes the other one an authority
        below the same root, with a ledger of its own.
      - It gets path length 0 and the name constraints that it asks for, which have to be within this authority's. It is
        entered in this authority's ledger, so that M(anchorage.pki.certificate_revocation) can revoke it by its serial
        number.
      - A request that was signed before gets the same certificate.
    type: str
    version_added: 0.3.0
  signed_certificate_path:
    description:
      - Where on the controller the certificate that comes of O(sign_request) is written, by an absolute path, with the
        root after it. This is what the other controller takes as O(issuing_certificate).
    type: path
    version_added: 0.3.0
  development_proxy:
    description:
      - An authority for a development proxy such as Caddy, which signs a leaf for each name below C(localhost) by
        itself when one is asked for. The root signs it, for 90 days, with path length 0, and for C(localhost) and the
        names below it alone, no addresses. It has a key of its own, of type V(ecdsa-p256).
      - It is renewed with another key when less than a third of its time is left, where it is revoked, and below
        another root once that one signs. The proxy has to read its files again then.
      - The leaves that the proxy signs are in no ledger and have no staple. The proxy's own certificate is in the
        ledger, so that M(anchorage.pki.certificate_revocation) can revoke it by its serial number.
      - It is kept in C(delegated) of the authority's folder. An authority has one at a time; before another folder is
        named, remove it from the former one.
      - Refused where the root is another authority's, which alone could sign it.
      - Without it, a proxy's authority stays as it is.
    type: dict
    version_added: 0.3.0
    suboptions:
      folder:
        description:
          - The folder on the controller from which the proxy reads, by an absolute path. It is made where it is
            missing.
          - In it are C(proxy-authority.pem), C(proxy-authority-key.pem), which is unencrypted and for its owner alone,
            and the root as C(proxy-root.pem).
        type: path
        required: true
      owner:
        description:
          - The user on the controller to whom the files belong, as whom the proxy runs. Only root can give them away.
          - Without it, the user who runs the task.
        type: str
      state:
        description:
          - With V(absent), the files and the key in the authority's folder are removed. The certificate is not revoked,
            since nobody has its key any more, and ends within 90 days. Revoke it where somebody may have a copy.
        type: str
        choices: [present, absent]
        default: present
seealso:
  - module: anchorage.pki.certificate_authority_info
  - module: anchorage.pki.certificate_revocation
  - module: anchorage.pki.trust_anchor
  - module: anchorage.pki.leaf_certificate
notes:
  - An authority that an earlier release made is taken over as it is. The first run that is not in check mode migrates
    its ledger and its policy, and keeps each former file beside the new one, as C(ledger.sqlite3.schema-1) and
    C(policy.json.schema-1). Earlier releases refuse the migrated ones.
  - In check mode, when there is no authority yet, one is made in Ansible's temporary folder and removed at the end of
    the run, so that the tasks that follow can check everything against it. Only the fingerprints will differ.
"""

EXAMPLES = r"""
- name: Make the authority, or renew what is due
  hosts: localhost
  gather_facts: false
  tasks:
    - name: An authority for localhost, private networks and the usual internal domains
      anchorage.pki.certificate_authority:

    - name: An authority for a domain of our own, with encrypted keys
      anchorage.pki.certificate_authority:
        authority: /srv/pki/corp
        subject:
          common_name: Example Corp internal authority
          organization: Example Corp
        permitted_domains: [corp.example.com, localhost]
        passphrase: "{{ vault_authority_passphrase }}"
        responder_passphrase: "{{ vault_responder_passphrase }}"

    - name: An authority below the company's root, which asks for its certificate
      anchorage.pki.certificate_authority:
        authority: /srv/pki/below
        permitted_domains: [corp.example.com]
        issuing_request_path: /srv/pki/issuing.csr

    - name: The same once the company's PKI has answered
      anchorage.pki.certificate_authority:
        authority: /srv/pki/below
        issuing_certificate: /srv/pki/issuing-chain.pem

    - name: An authority from a root that step made
      anchorage.pki.certificate_authority:
        authority: /srv/pki/imported
        import_certificate: /srv/old/root.crt
        import_key: /srv/old/root.key
        import_passphrase: "{{ vault_former_passphrase }}"
        passphrase: "{{ vault_authority_passphrase }}"

    - name: Sign the request of another controller's authority
      anchorage.pki.certificate_authority:
        authority: /srv/pki/corp
        sign_request: /srv/pki/other-controller.csr
        signed_certificate_path: /srv/pki/other-controller.pem
        passphrase: "{{ vault_authority_passphrase }}"

    - name: An authority for the Caddy of this development machine
      anchorage.pki.certificate_authority:
        development_proxy:
          folder: ~/.local/share/anchorage/proxy
"""

RETURN = r"""
folder:
  description: The folder of the authority.
  returned: success
  type: str
  sample: /home/me/.local/share/anchorage/authority
steps:
  description: What was made or, in check mode, would be made, and why.
  returned: success
  type: list
  elements: str
  sample: ["OCSP responder 2 of issuing authority 1: the last one ends on 2026-12-20"]
root:
  description: The root certificate that signs, and that hosts should trust.
  returned: success, except in check mode and while the first issuing certificate is awaited
  type: dict
  contains: &certificate
    path:
      description: The certificate's path on the controller, as PEM.
      type: str
    key_uri:
      description: Where the private key is on a PKCS#11 token, as a URI; null for a file beside the certificate.
      type: str
    certificate:
      description: The certificate as PEM; of the root only.
      type: str
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
      sample: "2026-11-21T08:00:00Z"
    not_after:
      description: The last second of its validity, in UTC.
      type: str
      sample: "2036-11-18T07:59:59Z"
anchors:
  description:
    - The root certificates that hosts must trust now, the one in use first.
    - There are two while one root gives way to another.
  returned: success, except in check mode and while the first issuing certificate is awaited
  type: list
  elements: dict
  contains: *certificate
  version_added: 0.3.0
issuing:
  description: The issuing certificate in use.
  returned: success, except in check mode and while the first one is awaited
  type: dict
  contains: *certificate
responder:
  description: The OCSP responder's certificate in use.
  returned: success, except in check mode and while the first issuing certificate is awaited
  type: dict
  contains: *certificate
external_root:
  description: Whether the root is another authority's.
  returned: success
  type: bool
  version_added: 0.3.0
issuing_awaited:
  description: Whether nothing can be signed yet, since the first issuing certificate is awaited.
  returned: success
  type: bool
  version_added: 0.3.0
issuing_request:
  description: The request for an issuing certificate that is awaited.
  returned: while another authority is to sign one, except in check mode
  type: dict
  version_added: 0.3.0
  contains:
    path:
      description: The request's path in the authority's folder.
      type: str
    subject:
      description: The subject that it asks for (RFC 4514).
      type: str
    request:
      description: The request as PEM.
      type: str
signed_certificate:
  description: What was signed for another controller's authority.
  returned: with O(sign_request), except in check mode
  type: dict
  version_added: 0.3.0
  contains:
    certificate:
      description: The certificate as PEM, with the root after it.
      type: str
    subject:
      description: The subject (RFC 4514).
      type: str
    serial_number:
      description: The serial number in hexadecimal, by which it can be revoked.
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
development_proxy:
  description: The authority of the development proxy.
  returned: while there is one, with O(development_proxy), except in check mode
  type: dict
  version_added: 0.3.0
  contains:
    files:
      description: The paths that the proxy reads, as C(certificate), C(key) and C(root).
      type: dict
    path:
      description: The certificate's path in the authority's folder.
      type: str
    subject:
      description: The subject (RFC 4514).
      type: str
    serial_number:
      description: The serial number in hexadecimal, by which it can be revoked.
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
key_type:
  description: The type of the authority's keys.
  returned: success
  type: str
unconstrained:
  description: Whether the certificates carry no name constraints.
  returned: success
  type: bool
permitted_domains:
  description: The permitted domains; empty where it is unconstrained.
  returned: success
  type: list
  elements: str
permitted_networks:
  description: The permitted networks; empty where it is unconstrained.
  returned: success
  type: list
  elements: str
lifetimes:
  description: The lifetimes in days, by kind.
  returned: success
  type: dict
  sample: {"root": 3650, "issuing": 1095, "responder": 30, "leaf": 90, "staple": 7}
urls:
  description: The templates of URLs in certificates, by kind; an empty text where there is none.
  returned: success
  type: dict
  sample: {"crl": "http://pki.example.com/crl/{issuer}.crl", "ocsp": "", "issuer": ""}
  version_added: 0.3.0
"""
