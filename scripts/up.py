#!/usr/bin/env python3
"""Brings the whole battery twin up with one command: BaSyx AAS environment, operation delegate, HMI.

This file can be read by any Python, so that an old one is told what is needed.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "up.py: this is Python %d.%d; the twin needs 3.11 or newer: https://www.python.org/downloads/"  # noqa: UP031
        % sys.version_info[:2]
    )

from starting.command import main

if __name__ == "__main__":
    sys.exit(main())
