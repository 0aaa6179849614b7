"""``python -m rubbercarbon``."""

from __future__ import annotations

from rubbercarbon.cli import entry

if __name__ == "__main__":
    entry()
