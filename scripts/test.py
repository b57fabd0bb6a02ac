#!/usr/bin/env python3
"""Sets up as up.py does, builds BaSyx with its JUnit tests, and runs the tests. See testing/command.py."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "test.py: this is Python %d.%d; the tests need 3.11 or newer: https://www.python.org/downloads/"  # noqa: UP031
        % sys.version_info[:2]
    )

from testing.command import main

if __name__ == "__main__":
    sys.exit(main())
