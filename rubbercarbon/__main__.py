"""``python -m rubbercarbon``."""

from __future__ import annotations

import sys

from rubbercarbon.cli import main

if __name__ == "__main__":
    sys.exit(main())
