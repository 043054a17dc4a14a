"""A real collecting process for the tests: `python -m tests.db.collecting URL MODE`.

`begin` begins a run and appends until it is killed; `hold` begins one, appends one batch and waits;
`come-and-go` collects eight short runs. A line follows every acknowledged batch.
"""

from __future__ import annotations

import sys

from reactcnn_dash.db import RunWriter
from tests.db.samples import batch, new_run, state


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def come_and_go(url: str) -> None:
    for _ in range(8):
        with RunWriter.begin(url, new_run()) as writer:
            writer.append(batch(0, 4))
            writer.finish()
            say(f"run {writer.run.id}")


def main() -> None:
    url, mode = sys.argv[1:]
    if mode == "come-and-go":
        come_and_go(url)
        return
    with RunWriter.begin(url, new_run(feature_maps="last:20")) as writer:
        say(f"run {writer.run.id}")
        while True:
            images = batch(writer.stored, 4)
            writer.append(images, [state(layer, writer.stored + 4) for layer in (0, 1)])
            say(f"stored {writer.stored}")
            if mode == "hold":
                sys.stdin.readline()
                return


if __name__ == "__main__":
    main()
