# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that becomes ansible-playbook: see :mod:`ansible_playbook`.

What it imports takes half of the time until a play begins.
"""

from __future__ import annotations

# ruff: noqa: F401
# pylint: disable=unused-import
import cmd
import concurrent.futures
import configparser
import getpass
import json
import multiprocessing.queues
import pprint
import pty
import secrets
import sqlite3
import tarfile
import tomllib
import urllib.request
import xml.dom.minidom

import ansible.module_utils.basic
import ansible.module_utils.common.yaml
import cryptography.x509
import jinja2.ext
import jinja2.nativetypes
import packaging.version
from cryptography.hazmat.primitives.serialization import pkcs12
from forked_programs import serve

if __name__ == "__main__":
    serve()
