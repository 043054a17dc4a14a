"""A training loop that is watched: runs, names, and a training that goes on as if alone."""

from __future__ import annotations

import copy
import logging
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from collector.errors import ModelError
from collector.torch import Watch, watch
from reactcnn_dash.db import StoreReader
from tests.torch.networks import Branching, ResNet, trained, vgg

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPTIONS: dict[str, Any] = {"pixel_range": "0-1", "batch_size": 4, "experiment": "mine"}


def step(module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    loss = F.cross_entropy(module(torch.randn(8, 3, 16, 16)), torch.randint(0, 4, (8,)))
    loss.backward()
    optimizer.step()


def train(module: nn.Module, watched: Watch | None, epochs: int = 2) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    module.train()
    optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
    for epoch in range(epochs):
        step(module, optimizer)
        if watched is not None:
            watched.record(epoch=epoch + 1)
    return dict(module.state_dict())


@pytest.mark.parametrize("make", [ResNet, Branching])
def test_a_training_goes_on_as_if_alone(make: Any, pixels: NDArray[np.uint8], store: str) -> None:
    module = trained(make())
    alone = train(copy.deepcopy(module), None)
    watched = watch(module, store, pixels, **OPTIONS)
    together = train(module, watched)
    assert watched.failures == 0
    assert len(watched.runs) == 2
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, rtol=0, atol=0)


def test_runs_hold_the_weights_of_their_epoch(pixels: NDArray[np.uint8], store: str) -> None:
    module = trained(vgg())
    watched = watch(module, store, pixels, feature_maps="all", class_names=list("abcd"), **OPTIONS)
    optimizer = torch.optim.SGD(module.parameters(), 0.5)
    for epoch in (1, 2):
        module.train()
        step(module, optimizer)
        run = watched.record(epoch=epoch)
        assert run is not None
        reader = StoreReader(store)
        images = torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255)
        module.eval()
        with torch.no_grad():
            expected = F.relu(module[0][0](images)).mean((2, 3)).numpy()
        gap = reader.gap_rows(run, 0, len(pixels))
        found = reader.run(run)
        assert (found.name, found.epoch, found.experiment) == (
            f"mine · epoch {epoch}",
            epoch,
            "mine",
        )
        assert found.stored == len(pixels)
        assert found.class_names == tuple("abcd")
        assert found.options["watched_by"] == "torch.export"
        assert found.options["framework"] == "PyTorch"
        np.testing.assert_allclose(gap[:, :8], expected, atol=1e-5)
    assert watched.finish() is None
    step(module, optimizer)
    final = watched.finish()
    assert final is not None
    assert StoreReader(store).run(final).name == "mine · final"
    assert "3 runs collected" in watched.summary


def state_of(module: nn.Module) -> dict[str, Any]:
    return {
        "training": [one.training for one in module.modules()],
        "weights": {name: value.tolist() for name, value in module.state_dict().items()},
        "gradients": [one.requires_grad for one in module.parameters()],
        "grad mode": torch.is_grad_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "hooks": [len(one._forward_hooks) for one in module.modules()],
        "device": [str(one.device) for one in module.parameters()],
        "torch": torch.get_rng_state().tolist(),
        "numpy": list(map(str, np.random.get_state())),
        "python": random.getstate(),
    }


class Careless(Branching):
    """Draws random numbers, changes its buffers and may fail, in inference mode too."""

    fails = False

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.rand(1), random.random(), np.random.rand()
        self.seen += 1
        assert not self.training
        assert not torch.is_autocast_enabled("cpu")
        if self.fails:
            raise RuntimeError("so it is")
        return super().forward(x)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_everything_is_as_before(
    fails: bool, training: bool, pixels: NDArray[np.uint8], store: str
) -> None:
    module = trained(Careless())
    module.train(training)
    module.bn1.eval()
    watched = watch(module, store, pixels, **OPTIONS)
    module.fails = fails
    with torch.autocast("cpu", torch.bfloat16), torch.set_grad_enabled(training):
        before = state_of(module)
        run = watched.record(epoch=1)
        after = state_of(module)
    assert (run is None) == fails
    for name, value in before.items():
        assert after[name] == value, name


def test_failures_are_said_once_and_counted(
    pixels: NDArray[np.uint8], store: str, caplog: pytest.LogCaptureFixture
) -> None:
    module = trained(Careless())
    watched = watch(module, store, pixels, **OPTIONS)
    module.fails = True
    with caplog.at_level(logging.WARNING):
        assert watched.record() is None
        assert watched.record() is None
    said = [one.message for one in caplog.records if "could not" in one.message]
    assert len(said) == 1
    assert "so it is" in said[0]
    assert watched.failures == 2
    module.fails = False
    assert watched.record() is not None
    assert StoreReader(store).run(watched.runs[0]).epoch == 3


def test_other_layers_are_looked_at_anew(pixels: NDArray[np.uint8], store: str) -> None:
    module: Any = trained(vgg())
    watched = watch(module, store, pixels, **OPTIONS)
    first = watched.record(epoch=1)
    module[0][3] = nn.Conv2d(8, 20, 3, padding=1)
    module[3] = nn.Linear(80, 4)
    second = watched.record(epoch=2)
    module.double()
    third = watched.record(epoch=3)
    reader = StoreReader(store)
    assert [
        [layer.filters for layer in reader.layers(run)] for run in (first, second, third) if run
    ] == [[8, 12], [8, 20], [8, 20]]


class Switching(nn.Module):  # type: ignore[misc] # torch is not there for the linters
    """What it computes hangs on an attribute that no export can see change."""

    sharp = False

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(-x if self.sharp else x).relu().mean((2, 3)) * 30


def test_a_module_that_computes_something_else_is_noticed(
    pixels: NDArray[np.uint8], store: str
) -> None:
    module = trained(Switching())
    watched = watch(module, store, pixels, **OPTIONS)
    first = watched.record(epoch=1)
    module.sharp = True
    second = watched.record(epoch=2)
    reader = StoreReader(store)
    assert first is not None
    assert second is not None
    images = torch.from_numpy(pixels[:1].transpose(0, 3, 1, 2).astype(np.float32) / 255)
    for run, sign in ((first, 1), (second, -1)):
        with torch.no_grad():
            expected = (module.conv(sign * images).relu().mean((2, 3)) * 30).softmax(1).numpy()
        np.testing.assert_allclose(reader.image(run, 0).probabilities, expected[0], atol=1e-5)


@pytest.mark.parametrize(
    ("module", "size", "says"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(768, 4)), None, "no convolutions to watch"),
        (nn.Conv2d(3, 4, 3), None, "images × 4 × 14 × 14"),
        (nn.Conv2d(5, 4, 3), None, "takes 5 channels"),
        (vgg().to("meta"), None, "device 'meta'"),
        (nn.Sequential(nn.Conv2d(3, 4, 1), nn.LazyConv2d(4, 3)), None, "by its first batch"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(7, 2)), None, "16 × 16 × 3"),
        (vgg(), (1, 1), "1 × 1 × 3"),
    ],
)
def test_what_cannot_be_watched(
    module: nn.Module, size: Any, says: str, pixels: NDArray[np.uint8], store: str
) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        watch(module, store, pixels, size=size)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"size": "big"}, "size is 'big'"),
        ({"head": "tail"}, "head is 'tail'"),
        ({"preprocess": "other"}, "preprocess is 'other'"),
        ({"preprocess": "imagenet", "pixel_range": "0-1"}, "not both"),
        ({"every": 0}, "every is 0"),
        ({"checkpoint": "{epoch"}, "cannot be filled in"),
    ],
)
def test_options_are_checked_before_the_training(
    options: dict[str, Any], says: str, pixels: NDArray[np.uint8], store: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        watch(vgg(), store, pixels, **options)


def test_every_second_epoch_and_its_file(pixels: NDArray[np.uint8], store: str) -> None:
    watched = watch(
        trained(vgg()), store, pixels, every=2, checkpoint="{epoch}-{loss:.1f}.pt", **OPTIONS
    )
    assert watched.record(epoch=1, logs={"loss": 3}) is None
    run = watched.record(epoch=2, logs={"loss": 2.04})
    assert run is not None
    assert StoreReader(store).run(run).checkpoint.source == "2-2.0.pt"


def test_one_output_is_two_classes(pixels: NDArray[np.uint8], store: str) -> None:
    module = trained(vgg(1))
    run = watch(module, store, pixels, **OPTIONS).record()
    assert run is not None
    images = torch.from_numpy(pixels[:1].transpose(0, 3, 1, 2).astype(np.float32) / 255)
    with torch.no_grad():
        unit = float(module(images).sigmoid())
    found = StoreReader(store).image(run, 0).probabilities
    np.testing.assert_allclose(found, [1 - unit, unit], atol=1e-6)
