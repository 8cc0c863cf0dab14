"""``python -m snellen`` (and ``torchrun … -m snellen``) is the same as ``snellen``."""

import sys

from snellen.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
