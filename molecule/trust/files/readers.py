# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print, as JSON, which of a host's own programs trust the server of the laboratory. None of them is this project's."""

import json
import subprocess
import sys
import urllib.error
import urllib.request

URL = "https://app.localhost:8443/"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def succeeds(*command):
    """Whether a command does."""
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False).returncode == 0


def urllib_trusts():
    """Whether Python's own client loads the page."""
    try:
        urllib.request.urlopen(URL, timeout=10).close()
    except urllib.error.URLError as error:
        if "CERTIFICATE_VERIFY_FAILED" not in str(error):
            raise
        return False
    return True


leaf = sys.argv[1]
verdicts = {
    "openssl": succeeds("openssl", "verify", "-untrusted", f"{leaf}/chain.pem", f"{leaf}/cert.pem"),
    "curl": succeeds("curl", "--silent", "--fail", URL),
    "urllib": urllib_trusts(),
}
print(json.dumps(verdicts))
