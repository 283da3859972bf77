# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OpenSSL's own kind of certificates in PEM, with what each of them is trusted for (openssl-x509(1))."""

from __future__ import annotations

from ansible_collections.anchorage.pki.plugins.module_utils._x509.der import SEQUENCE, DerError, children, content_of
from ansible_collections.anchorage.pki.plugins.module_utils._x509.pem_block import decode_body

_REJECTED = 0xA0  # X509_CERT_AUX has its rejected purposes as [0]
_SERVER_AUTH = bytes.fromhex("06082b06010505070301")  # id-kp-serverAuth (RFC 5280, section 4.2.1.12)


def withholds(body: bytes, der: bytes) -> bool:
    """Whether the ``body`` of a TRUSTED certificate is that of ``der``, and not trusted for TLS servers.

    After it comes a sequence: the purposes that it is trusted for, if it is not for all, and those that it is not
    (-addtrust and -addreject).
    """
    try:
        value = decode_body(body)
        if not value.startswith(der) or len(value) == len(der):
            return False
        settings = list(children(value, *content_of(value, len(der))))
    except DerError:
        return False
    trusted = [value[start:end] for tag, start, end in settings if tag == SEQUENCE]
    rejected = [value[start:end] for tag, start, end in settings if tag == _REJECTED]
    return any(_SERVER_AUTH not in each for each in trusted) or any(_SERVER_AUTH in each for each in rejected)
