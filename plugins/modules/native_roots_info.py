#!/usr/bin/python
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: native_roots_info
short_description: The roots that a host itself trusts
version_added: 0.1.0
description:
  - Reads the native roots of a host, that is, the certificates that its own trust store trusts for TLS servers, and
    reports where it looked and what it could not read.
  - Where E(SSL_CERT_FILE) or E(SSL_CERT_DIR) is set for the task, the roots are those in that file and in these
    folders. Otherwise they are those in the first of the platform's usual files that exists, and in all of its usual
    folders. Each certificate is returned once.
  - Only PEM files are read, and in them only blocks with the label C(CERTIFICATE). No pipe and no device is read, and
    no file of more than 16 MiB.
  - What does not have the fields of a certificate under that label is an error and left out, whatever the dates, serial
    number and extensions of the others say.
  - What cannot be read is left out and listed in RV(report.errors), unless O(strict) is set. Transient errors of the
    system, such as C(EIO) and C(ESTALE), are tried three times.
  - On macOS, where neither variable is set, the roots are those that its trust settings trust for TLS servers, in all
    domains. They are read by a process of its own, within 20 seconds. Transient errors are tried up to four times, with
    pauses of 1, 2 and 4 seconds. Where a domain could not be read, RV(report.partial) is true, and there is a warning.
  - Changes nothing.
extends_documentation_fragment:
  - anchorage.pki.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: Nothing is changed.
  idempotent:
    support: full
  platform:
    platforms: posix
    support: partial
    details: On macOS it was tested against a double of Apple's libraries, not on a Mac.
options:
  source:
    description:
      - V(platform) is what most programs on the host use.
      - V(p11-kit) asks the program C(trust), the only source on Linux that knows of explicitly distrusted roots.
        E(SSL_CERT_FILE) and E(SSL_CERT_DIR) have no influence on it.
    type: str
    choices:
      - platform
      - p11-kit
    default: platform
  strict:
    description:
      - Fail, and list every error, where anything at all could not be read, or where no certificate was found.
    type: bool
    default: false
notes:
  - Root privileges are not needed, as long as other users may read the store.
seealso:
  - plugin: anchorage.pki.native_roots
    plugin_type: lookup
  - plugin: anchorage.pki.compare_roots
    plugin_type: filter
author:
  - The anchorage.pki contributors (@anchorage)
"""

EXAMPLES = r"""
- name: Read the roots of a host
  anchorage.pki.native_roots_info:
  register: roots

- name: Show which of them have expired
  ansible.builtin.debug:
    msg: "{{ roots.certificates | selectattr('not_after', 'lt', today) | map(attribute='subject') }}"
  vars:
    today: "{{ now(utc=true).isoformat() }}"

- name: Require a store that can be read completely
  anchorage.pki.native_roots_info:
    strict: true
"""

RETURN = r"""
certificates:
  description:
    - The roots, in the order in which they were found.
    - A fact that cannot be read from a damaged certificate is null; the others are there.
  returned: success
  type: list
  elements: dict
  contains:
    subject:
      description: The subject (RFC 4514).
      returned: always
      type: str
      sample: CN=ISRG Root X1,O=Internet Security Research Group,C=US
    issuer:
      description: The issuer (RFC 4514).
      returned: always
      type: str
      sample: CN=ISRG Root X1,O=Internet Security Research Group,C=US
    not_before:
      description: The beginning of the validity, in UTC (ISO 8601).
      returned: always
      type: str
      sample: '2015-06-04T11:04:38+00:00'
    not_after:
      description: The end of the validity, in UTC (ISO 8601).
      returned: always
      type: str
      sample: '2035-06-04T11:04:38+00:00'
    serial_number:
      description: The serial number in hexadecimal.
      returned: always
      type: str
      sample: 8210cfb0d240e3594463e0bb63828b00
    sha256:
      description: The fingerprint of the certificate, SHA-256 in lower-case hexadecimal.
      returned: always
      type: str
      sample: 96bcec06264976f37460779acf28c5a7cfe8a3c0aae11a8ffcee05c0bddf08c6
    spki_sha256:
      description:
        - The SHA-256 of the public key (its SubjectPublicKeyInfo) in lower-case hexadecimal.
        - It is the same in all certificates of an authority that is renewed with the same key.
      returned: always
      type: str
      sample: 0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3
    is_ca:
      description: Whether the basic constraints say that it is an authority; false for old roots that have none.
      returned: always
      type: bool
    self_signed:
      description: Whether issuer and subject are the same. The signature is not verified.
      returned: always
      type: bool
    sources:
      description: Where it was found; of several names of one file, the first.
      returned: always
      type: list
      elements: str
      sample: [/etc/ssl/certs/ca-certificates.crt, /etc/ssl/certs/ISRG_Root_X1.pem]
    pem:
      description: The certificate in PEM.
      returned: always
      type: str
report:
  description: What was looked at, what was read, and what was wrong.
  returned: success
  type: dict
  contains:
    source:
      description: As in O(source).
      returned: always
      type: str
      sample: platform
    platform:
      description: The name of the platform in Python.
      returned: always
      type: str
      sample: linux
    variables:
      description: The values of E(SSL_CERT_FILE) and E(SSL_CERT_DIR), where they are set.
      returned: always
      type: dict
      sample: {}
    locations:
      description: The files, folders, stores and programs that were looked at, in order.
      returned: always
      type: list
      elements: dict
      contains:
        path:
          description: Its path or name.
          returned: always
          type: str
          sample: /etc/ssl/certs
        kind:
          description: One of V(file), V(folder), V(store) and V(program).
          returned: always
          type: str
          sample: folder
        state:
          description: One of V(read), V(missing) and V(unreadable).
          returned: always
          type: str
          sample: read
        files:
          description: The number of files that were read, each under one name only.
          returned: always
          type: int
          sample: 144
        certificates:
          description: The number of certificates in it.
          returned: always
          type: int
          sample: 144
        skipped:
          description: The number of blocks in it that are something else, such as keys.
          returned: always
          type: int
          sample: 0
    errors:
      description: What could not be read.
      returned: always
      type: list
      elements: dict
      contains:
        path:
          description: Where it is.
          returned: always
          type: str
          sample: /etc/ssl/certs/corporate.pem
        message:
          description: What is wrong with it.
          returned: always
          type: str
          sample: 'the CERTIFICATE in line 1 is not a certificate: its base64 is damaged'
        code:
          description: The number of the status that a library of macOS gave.
          returned: when it gave one
          type: int
          sample: -36
        name:
          description: The name of that status in Apple's headers.
          returned: when it gave one
          type: str
          sample: ioErr
        advice:
          description: What to do about it.
          returned: when it gave one
          type: str
          sample: 'Try again later: a service of the Mac did not answer in time, or is just being started.'
    partial:
      description:
        - Whether a whole domain of the trust settings of macOS could not be read. Roots may then be missing, and roots
          that are distrusted there may be among RV(certificates). Set O(strict) where you have to rely on them.
        - Always V(false) on other platforms.
      returned: always
      type: bool
      sample: false
    certificates:
      description: The number of different certificates.
      returned: always
      type: int
      sample: 144
    attempts:
      description: How often the store was read, more than once after transient errors.
      returned: always
      type: int
      sample: 1
    milliseconds:
      description: How long that took.
      returned: always
      type: float
      sample: 6.3
"""

import os
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.anchorage.pki.plugins.module_utils._host.errors import HostError
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.load import (
    PLATFORM,
    SOURCES,
    NativeRoots,
    load,
    require_no_errors,
    require_roots,
    require_whole,
)
from ansible_collections.anchorage.pki.plugins.module_utils._native_roots.stores import P11_KIT
from ansible_collections.anchorage.pki.plugins.module_utils._x509.certificate_facts import describe


def main(load_roots: Callable[..., NativeRoots] = load) -> None:
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "str", "choices": SOURCES, "default": PLATFORM},
            "strict": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        # Asked of the module only when needed, since that creates the folder.
        temporary_folder = module.tmpdir if module.params["source"] == P11_KIT else None
        result = read(load_roots, **module.params, temporary_folder=temporary_folder)
    except HostError as error:
        module.fail_json(msg=str(error))
    try:
        require_whole(result["report"])
    except HostError as error:
        module.warn(str(error))
    module.exit_json(changed=False, **result)


def read(
    load_roots: Callable[..., NativeRoots], source: str, strict: bool, temporary_folder: str | None
) -> dict[str, Any]:
    """The module's result. Raises HostError for a source that cannot be read, and for what ``strict`` forbids."""
    loaded = load_roots(source, os.environ, temporary_folder=temporary_folder)
    if strict:
        require_no_errors(loaded.report)
        require_roots(loaded.report)
    return {
        "certificates": [describe(der, sources) for der, sources in loaded.roots.items()],
        "report": loaded.report,
    }


if __name__ == "__main__":
    main()
