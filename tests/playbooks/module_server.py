# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that becomes modules of Ansible on this machine: see :mod:`startup.sitecustomize`.

It imports of the standard library what they import, and of Ansible what the archive of each of them has: the loader of
modules and ``basic``, from the files that the archives are made of. All else of Ansible and all of the collection they
import themselves, from the archive that they come with.
"""

from __future__ import annotations

# ruff: noqa: F401
# pylint: disable=unused-import
import argparse
import base64
import binascii
import bz2
import concurrent.futures
import configparser
import contextlib
import copy
import ctypes
import dataclasses
import datetime
import email.utils
import enum
import fcntl
import fnmatch
import functools
import glob
import grp
import gzip
import hashlib
import http.client
import inspect
import ipaddress
import json
import locale
import logging
import lzma
import multiprocessing.connection
import os
import pathlib
import pickle
import pkgutil
import platform
import plistlib
import pwd
import queue
import random
import re
import secrets
import shlex
import shutil
import ssl
import stat
import string
import subprocess
import sys
import syslog
import tempfile
import threading
import traceback
import typing
import urllib.request
import zipfile
import zipimport
from typing import Any

from ansible.module_utils._internal._ansiballz import _loader
from forked_programs import serve

run_module = _loader.run_module


def run_from_archive(*, modlib_path: str, **options: Any) -> None:
    """Run a module, with what was imported here as the part of its archive that it is."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "ansible"]:
        if not name.startswith("ansible.module_utils."):
            del sys.modules[name]
    archive = __import__("ansible.module_utils").module_utils
    for name, module in list(sys.modules.items()):
        if not name.startswith("ansible.module_utils."):
            continue
        if name.count(".") == 2:
            setattr(archive, name.rpartition(".")[2], module)
        if hasattr(module, "__path__"):
            module.__path__ = [os.path.join(modlib_path, *name.split("."))]
    run_module(modlib_path=modlib_path, **options)


_loader.run_module = run_from_archive

if __name__ == "__main__":
    serve()
