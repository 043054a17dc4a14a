"""What the tests of PyTorch share: images, and a place for stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# Two processes share the machine with the tests of the rest.
torch.set_num_threads(2)


@pytest.fixture(scope="session")
def pixels() -> NDArray[np.uint8]:
    """Eleven images of noise, darker and brighter."""
    random = np.random.default_rng(3)
    images = random.integers(0, 256, (11, 16, 16, 3)).astype(np.float64)
    return (images * np.linspace(0.2, 1, 11)[:, None, None, None]).astype(np.uint8)


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Path of a store that does not exist yet."""
    return str(tmp_path / "runs.db")
