"""PyTorch modules in bfloat16: held against the module itself with rounded weights and inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collector.errors import ModelError
from collector.frameworks.protocol import Asked
from collector.frameworks.torch.network import understand
from collector.torch import watch
from reactcnn_dash.db import BFLOAT16, FLOAT32, StoreReader
from reactcnn_dash.results.precision import rounding_in
from tests.torch.networks import Branching

if TYPE_CHECKING:
    from numpy.typing import NDArray


def module() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.ReLU(),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * 49, 10),
        nn.ReLU(),
        nn.Linear(10, 4),
    ).eval()


def rounded(values: torch.Tensor) -> torch.Tensor:
    return values.bfloat16().double()


def expected(net: nn.Module, pixels: NDArray[np.uint8]) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """What comes out where all but the first and the last layer take rounded numbers."""
    x = torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    with torch.no_grad():
        first = F.relu(net[0](x))
        weight, bias = net[2].weight, net[2].bias
        second = F.conv2d(rounded(first), rounded(weight), rounded(bias), padding=1)
        second = F.relu(net[3](rounded(second.float()).float()))
        pooled = F.max_pool2d(second, 2).flatten(1)
        hidden = F.linear(rounded(pooled), rounded(net[7].weight), rounded(net[7].bias))
        output = net[9](F.relu(rounded(hidden.float()).float()))
    return output.softmax(1), [first, second]


def test_a_module_is_rounded_as_keras_models_are(pixels: NDArray[np.uint8]) -> None:
    net = module()
    network = understand(net, Asked(native_shape=pixels.shape[1:3]), source="test")
    proven = network.proven(
        pixels, pixel_range="0-1", maps=True, batch_size=3, exact=False, precision=BFLOAT16
    )
    assert (proven.precision, proven.notices) == (BFLOAT16, ())
    found = proven.capture(pixels)
    said, maps = expected(net, pixels)
    np.testing.assert_allclose(found.probabilities, said, atol=2e-3)
    first, second = (one.mean((2, 3)).numpy() for one in maps)
    np.testing.assert_allclose(found.gap[:, :6], first, atol=1e-6)
    np.testing.assert_allclose(found.gap[:, 6:], second, atol=2e-3 * np.abs(second).max())
    plain = network.proven(pixels, pixel_range="0-1", maps=True, batch_size=3, exact=False)
    assert not np.allclose(plain.capture(pixels).gap[:, 6:], found.gap[:, 6:], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (Branching, "listened to by hooks"),
        (lambda: module().double(), "is of torch.float64 itself"),
        (lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(784, 2)), "no layer"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    made: object, words: str, pixels: NDArray[np.uint8]
) -> None:
    assert callable(made)
    network = understand(made().eval(), Asked(native_shape=pixels.shape[1:3]), source="test")
    with pytest.raises(ModelError, match=words):
        network.proven(
            pixels, pixel_range="0-1", maps=True, batch_size=3, exact=False, precision=BFLOAT16
        )


def test_each_record_measures_what_its_weights_cost(store: str, pixels: NDArray[np.uint8]) -> None:
    net = module()
    watched = watch(net, store, pixels, precision="bfloat16", pixel_range="0-1")
    watched.record(epoch=1)
    with torch.no_grad():
        net[2].weight.mul_(3)
    watched.record(epoch=2)
    first, second = (StoreReader(store).run(one) for one in watched.runs)
    assert [first.precision, second.precision] == [BFLOAT16] * 2
    costs = [rounding_in(run.options) for run in (first, second)]
    assert None not in costs
    assert costs[0] != costs[1]


def test_auto_leaves_what_cannot_be_in_float32(store: str, pixels: NDArray[np.uint8]) -> None:
    watched = watch(Branching(), store, pixels, precision="auto", pixel_range="0-1")
    watched.record(epoch=1)
    assert StoreReader(store).run(1).precision == FLOAT32


def test_auto_chooses_anew_for_a_module_that_has_another_form(
    store: str, pixels: NDArray[np.uint8]
) -> None:
    net = module()
    watched = watch(net, store, pixels, precision="auto", pixel_range="0-1")
    # As where the first trial found it faster.
    watched._precision = BFLOAT16
    net.double()
    assert watched.record(epoch=1) is not None
    assert watched.failures == 0
    assert StoreReader(store).run(1).precision == FLOAT32
