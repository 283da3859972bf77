# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that becomes ansible-playbook: see :mod:`ansible_playbook`.

What it imports takes half of the time until a play begins. Of Ansible that is what reads no configuration, and of the
collection the core, which knows neither Ansible nor an environment. The packages above the core are imported by each
run, by which Ansible knows that it has the collection.
"""

from __future__ import annotations

# ruff: noqa: F401
# pylint: disable=unused-import
import cmd
import concurrent.futures
import configparser
import difflib
import getpass
import importlib
import importlib.metadata
import importlib.resources
import json
import multiprocessing.managers
import multiprocessing.queues
import os
import pprint
import pty
import secrets
import sqlite3
import sys
import tarfile
import tomllib
import urllib.request
import uuid
import xml.dom.minidom
import xml.etree.ElementTree
import zipfile
from pathlib import Path

import ansible.config.manager
import ansible.context
import ansible.errors
import ansible.module_utils.common.sys_info
import ansible.module_utils.common.yaml
import ansible.parsing.splitter
import ansible.utils.helpers
import ansible.vars.hostvars
import cryptography.hazmat.backends.openssl.backend
import cryptography.x509
import jinja2.ext
import jinja2.nativetypes
import jinja2.sandbox
import packaging.specifiers
import packaging.version
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
from cryptography.hazmat.primitives.serialization import pkcs12
from forked_programs import COLLECTIONS, serve

COLLECTION = "ansible_collections.anchorage.pki"


def import_core(collections: str) -> None:
    """Import the core of the collection, as Ansible does it, and have nothing left of how that was done."""
    finder = _AnsibleCollectionFinder(paths=[collections])
    finder._install()
    top = Path(collections, *COLLECTION.split("."))
    for path in sorted(top.glob("plugins/plugin_utils/*/*.py")):
        importlib.import_module(".".join([COLLECTION, *path.relative_to(top).with_suffix("").parts]))
    finder._remove()
    for name in [name for name in sys.modules if name.partition(".")[0] == "ansible_collections"]:
        if not name.startswith((f"{COLLECTION}.plugins.plugin_utils.", f"{COLLECTION}.plugins.module_utils.")):
            del sys.modules[name]


if __name__ == "__main__":
    import_core(os.environ[COLLECTIONS])
    assert "ansible.constants" not in sys.modules  # which are of a configuration
    serve()
