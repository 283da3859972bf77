# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sign a staple that ends soon for the leaves of some hosts, and print them as JSON, in base64 by host.

Usage: ``PYTHONPATH=COLLECTIONS short_staples.py AUTHORITY SECONDS HOST ...``. No option asks for so short a staple; it
stands for one that a controller which is gone did not renew. The ledger takes it for the one in use.
"""

from __future__ import annotations

import base64
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.ledger import open_ledger
from ansible_collections.anchorage.pki.plugins.plugin_utils._authority.reading import read_authority
from ansible_collections.anchorage.pki.plugins.plugin_utils._ocsp.verification import Staple
from ansible_collections.anchorage.pki.plugins.plugin_utils._x509.certificates import Signer
from ansible_collections.anchorage.pki.tests.unit.bad_staples import Parties, respond


def main() -> None:
    authority, validity = read_authority(Path(sys.argv[1])), timedelta(seconds=int(sys.argv[2]))
    hosts = sys.argv[3:]
    now = datetime.now(timezone.utc).replace(microsecond=0)
    issuing, responder = (
        Signer(key.certificate, key.key(None, "passphrase")) for key in (authority.issuing, authority.issuing.responder)
    )
    staples = {}
    with open_ledger(authority.ledger_path) as ledger, ledger.transaction():
        for place in ledger.places():
            leaf = ledger.current_leaf(place)
            if leaf is None or place.host not in hosts:
                continue
            der = respond(Parties(leaf.certificate, issuing, responder, now), end=validity)
            staple = Staple(der, now - timedelta(minutes=5), now + validity, renew_at=now)
            ledger.record_staple(staple, leaf.sha256)
            ledger.mark_deployed(place, leaf.sha256, staple.sha256, now)
            staples[place.host] = base64.b64encode(der).decode()
    print(json.dumps({"end": int((now + validity).timestamp()), "staples": staples}))


if __name__ == "__main__":
    main()
