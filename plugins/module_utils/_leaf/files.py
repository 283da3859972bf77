# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of leaves: their names, and which of a generation's hold a private key."""

from __future__ import annotations

PRIVATE_KEY = "privkey.pem"
CERTIFICATE = "cert.pem"
CHAIN = "chain.pem"
FULL_CHAIN = "fullchain.pem"
COMBINED = "combined.pem"
STAPLE = "staple.der"
COMBINED_STAPLE = "combined.pem.ocsp"  # HAProxy looks for the staple beside the PEM file, under this name
PKCS12 = "bundle.p12"
# In the leaf's own folder, beside the generations.
APACHE_CACHE = "apache-cache.conf"
# In the destination: how the names of journals begin.
JOURNAL = ".activation-"
SOURCE = ".source.json"  # in the folder of a staple whose certificate is not ours: where that one is

FILES = (PRIVATE_KEY, CERTIFICATE, CHAIN, FULL_CHAIN, COMBINED, STAPLE, COMBINED_STAPLE, PKCS12)
STAPLE_FILES = (STAPLE, COMBINED_STAPLE)
PRIVATE_FILES = (PRIVATE_KEY, COMBINED, PKCS12)
