# Copyright (c) 2026 the anchorage.pki contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that becomes modules of Ansible on this machine: see :mod:`startup.sitecustomize`.

It imports of the standard library what they import. All of Ansible and of the collection they import themselves, from
the archive that they come with.
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
import syslog
import tempfile
import threading
import traceback
import typing
import urllib.request
import zipfile
import zipimport

from forked_programs import serve

if __name__ == "__main__":
    serve()
