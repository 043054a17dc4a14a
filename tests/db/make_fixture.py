"""Makes the frozen store of the released schema: `python -m tests.db.make_fixture`.

Run it once, when a schema is released, and never again for that schema: the file stands for the
stores that people have.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from reactcnn_dash.db import Clustering, RunWriter, save_clustering
from reactcnn_dash.db.version import HEAD
from tests.db.samples import batch, new_run, state

FIXTURES = Path(__file__).parent / "fixtures"


def main() -> int:
    path = FIXTURES / f"schema-{HEAD}.db"
    if path.exists():
        sys.stderr.write(f"{path}: frozen already\n")
        return 1
    FIXTURES.mkdir(exist_ok=True)
    with RunWriter.begin(str(path), new_run(feature_maps="last:4")) as writer:
        writer.append(batch(0, 6), [state(0, 6), state(1, 6)], rate=8.0)
        writer.interrupt()
    labels = np.array([1, 0, 0, -1, 1], np.int32)
    save_clustering(str(path), 1, Clustering(1, "louvain", 1.25, 6, labels))
    return 0


if __name__ == "__main__":
    sys.exit(main())
