"""``python -m whygrad``: the command line without its script."""

import sys

from whygrad.cli import main

if __name__ == "__main__":
    sys.exit(main())
