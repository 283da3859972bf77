#!/bin/sh
# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Usage: prerequisites.sh PYTHON
# Say what `make venv` misses on this machine, with the Debian package that brings it. Exits 1 if anything is missing.

python=$1
missing=0

lack() {
    echo "$1" >&2
    missing=1
}

if ! command -v "$python" > /dev/null; then
    lack "$python is missing: apt install python3 python3-venv"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    lack "$("$python" --version) is too old, 3.11 or newer is needed: make PYTHON=/path/to/a/newer/python3"
elif ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
    lack "$python cannot make virtual environments: apt install python3-venv"
fi
command -v git > /dev/null || lack "git is missing: apt install git"
command -v openssl > /dev/null || lack "openssl is missing: apt install openssl"

exit $missing
