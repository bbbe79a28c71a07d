"""`python -m tr03108` is the command `tr03108`."""

from __future__ import annotations

import sys

from tr03108.cli import main

if __name__ == "__main__":
    sys.exit(main())
