"""From a stored run to the network that it was collected with, or one line that says why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.at_hand.finding import require_file
from collector.errors import ModelError
from collector.frameworks.keras.capture import Capture
from collector.frameworks.keras.models import load_model
from collector.frameworks.keras.network import understand
from collector.session import layers_of

if TYPE_CHECKING:
    from collector.frameworks.keras.network import Network
    from reactcnn_dash.db import Layer, Run, StoreReader


@dataclass(frozen=True, slots=True, eq=False)
class AtHand:
    """A run with its network.

    Attributes:
        run: as it was when the network was loaded.
        layers: its layers.
        network: what it was collected with.
        capture: the network compiled as the run had it, with maps.
    """

    run: Run
    layers: tuple[Layer, ...]
    network: Network
    capture: Capture


def bring(reader: StoreReader, uuid: str) -> AtHand:
    """Load the network of a run and make sure that it is the run's.

    Raises:
        ModelError: its file is gone, or holds something else by now.
        StoreError: the run is not there, or the store cannot be read.
    """
    run = reader.run(uuid)
    require_file(run)
    loaded = load_model(run.checkpoint.source)
    network = understand(loaded, run.image_shape[:2], run.options.get("head"))
    if not network.has_weights(run.checkpoint.sha256):
        raise ModelError(
            f"{loaded.source} has changed since run {run.id}: its weights are not those of the run "
            f"({run.checkpoint.sha256[:12]}…). Put the former file back, or collect this one anew."
        )
    layers = reader.layers(run.id)
    if network.image_shape != run.image_shape or layers_of(network) != layers:
        raise ModelError(
            f"this version reads other layers from {loaded.source} than run {run.id} has; collect "
            "it anew."
        )
    options = run.options
    capture = Capture(
        network,
        pixel_range=options.get("pixel_range", "0-255"),
        batch_size=run.batch_size,
        exact=options.get("arithmetic") == "direct",
        precision=run.precision,
    )
    return AtHand(run, layers, network, capture)
