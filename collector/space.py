"""How much a run will write, said before it begins where that is a lot."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from reactcnn_dash.db import StoreAddress

if TYPE_CHECKING:
    from collector.frameworks.protocol import Network
    from reactcnn_dash.db import NewRun, Run

_COMPRESSED = 0.75
"""What is left of feature maps in the store, roughly.

Measured on crops of the sample: 0.57 for the packaged VGG-16, 0.61 for a MobileNetV2 and 0.85 for a
ResNet50 at 224 × 224 with random weights.
"""
_FEWER = "--feature-maps last:N or none", "fewer images (--limit N)"
_LARGE = 2e9
_SHARE = 0.1


def image_bytes(network: Network, run: Run | NewRun) -> int:
    """Roughly the bytes that one image of a run takes while it waits to be stored."""
    return _row_bytes(network) + (_map_bytes(network) if run.feature_maps != "none" else 0)


def space_notice(
    network: Network,
    run: Run | NewRun,
    images: int,
    store: str,
    *,
    runs: int = 1,
    fewer: tuple[str, str] = _FEWER,
) -> str | None:
    """Return what to say of the space that a run will take, or several like it.

    Args:
        network: what runs.
        run: what it stores.
        images: how many are still to be stored.
        store: file or URL of the store.
        runs: how many runs.
        fewer: how fewer feature maps are asked for, and fewer images.

    Returns:
        One line if it is more than 2 GB or a tenth of the free disk, else ``None``.
    """
    kept = _kept(run.feature_maps, images)
    maps = round(_COMPRESSED * _map_bytes(network))
    total = runs * (images * _row_bytes(network) + kept * maps)
    free = _free(store)
    if total <= _LARGE and (free is None or total <= _SHARE * free):
        return None
    text = f"{'the run' if runs == 1 else f'{runs:,} runs'} will write some {_size(total)}"
    if kept:
        of = "" if runs == 1 else " a run"
        text += f", most of it the feature maps of {kept:,} images{of} ({_size(maps)} each)"
    if free is not None:
        text += f"; {_size(free)} are free"
    return f"{text}. Less with {', or '.join(fewer) if kept else fewer[1]}."


def _row_bytes(network: Network) -> int:
    height, width, channels = network.image_shape
    return height * width * channels + 4 * network.filters + 4 * network.outputs


def _map_bytes(network: Network) -> int:
    return sum(tap.filters * (tap.height * tap.width + 8) for tap in network.taps)


def _kept(feature_maps: str, images: int) -> int:
    if feature_maps == "none":
        return 0
    return images if feature_maps == "all" else min(images, int(feature_maps.removeprefix("last:")))


def _free(store: str) -> int | None:
    """Bytes free where the store's file is or will be; ``None`` if that cannot be told."""
    path = StoreAddress.of(store).path
    if path is None:
        return None
    try:
        return shutil.disk_usage(path.resolve().parent).free
    except OSError:
        return None


def _size(count: float) -> str:
    units = ["bytes", "KB", "MB", "GB", "TB"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        del units[0]
    return (
        f"{count:.1f} {units[0]}"
        if count < 10 and units[0] != "bytes"
        else (f"{count:.0f} {units[0]}")
    )


def free_memory() -> int | None:
    """Return the bytes of memory that may be had without swapping, ``None`` where nothing tells."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    known = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(known["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in known else None
