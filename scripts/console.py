"""What the commands share: how they are told the address of a running twin, and how they end."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from aasx.client import AasError
from model.errors import ModelError


def add_basyx_url(parser: argparse.ArgumentParser) -> None:
    """The option --basyx-url."""
    parser.add_argument(
        "--basyx-url",
        metavar="URL",
        default=os.environ.get("TWIN_BASYX_URL", "http://127.0.0.1:8081"),
        help="AAS environment (TWIN_BASYX_URL)",
    )


def run(main: Callable[[], int]) -> NoReturn:
    """Runs a command to its exit code; a failure is one line with its remedy and code 2, Ctrl-C is code 130."""
    command = Path(sys.argv[0]).stem
    try:
        sys.exit(main())
    except AasError as error:
        print(f"{command}: {error} ({error.remedy})", file=sys.stderr)
        sys.exit(2)
    except (ModelError, ValueError, OSError) as error:
        print(f"{command}: {error}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, EOFError):
        sys.exit(130)
