"""The words of ``--images``, the sample, and CIFAR-10 with and without network and cache."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from collector.images import ImageSourceError, open_images
from collector.images.cifar10 import open_cached_cifar10

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
HEAVY = "{'tensorflow', 'keras', 'skimage', 'pooch'} & set(sys.modules)"
CLOSED = "http://127.0.0.1:9"


def run_python(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter with Keras' cache in ``home`` and no way to the network."""
    environment = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }
    environment |= {"http_proxy": CLOSED, "https_proxy": CLOSED, "KERAS_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def python2(value: Any) -> bytes:
    """Pickle opcodes as Python 2 wrote them in CIFAR-10's files: bytes are plain strings."""
    if isinstance(value, bytes):
        return b"T" + len(value).to_bytes(4, "little") + value
    if isinstance(value, int):
        return b"J" + value.to_bytes(4, "little", signed=True)
    if isinstance(value, list):
        return b"](" + b"".join(map(python2, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(python2(part) for pair in value.items() for part in pair) + b"u"
    assert isinstance(value, np.ndarray)
    assert value.dtype == np.uint8
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + python2(b"b")
    kind = b"cnumpy\ndtype\n" + python2(b"u1") + b"K\0K\1\x87R"
    kind += b"(K\3" + python2(b"|") + b"NNN" + python2(-1) * 2 + b"K\0tb"
    shape = b"(" + b"".join(map(python2, value.shape)) + b"t"
    return empty + b"\x87R(K\1" + shape + kind + b"\x89" + python2(value.tobytes()) + b"tb"


def write_batch(home: Path, batch: dict[bytes, Any]) -> Path:
    path = home / "datasets/cifar-10-batches-py-target/cifar-10-batches-py/test_batch"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x80\x02" + python2(batch) + b".")
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def planes() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (6, 3072), np.uint8)


@pytest.mark.process
def test_import_and_sample_need_nothing_heavy(tmp_path: Path) -> None:
    code = f"""
import sys
import collector.images
assert not {HEAVY}, {HEAVY}
print(collector.images.open_images("auto").identity)
assert not {HEAVY}, {HEAVY}
"""
    first, second = run_python(code, tmp_path), run_python(code, tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert first.stdout.strip() == open_images("sample").identity


def test_sample() -> None:
    source = open_images("sample")
    chunk = source.read(0, len(source), (32, 32, 3))
    assert len(source) == len(chunk) == 3000
    assert (source.description, source.spec, source.labelled) == ("sample", "sample", False)
    assert chunk.pixels.shape == (3000, 32, 32, 3)
    assert len({image.tobytes() for image in chunk.pixels}) == 3000
    assert len(set(chunk.names)) == 3000
    assert chunk.pixels.std(axis=(1, 2)).max(axis=-1).min() > 10
    # Colour photographs: channels differ somewhere in nearly every crop.
    spread = chunk.pixels.max(-1).astype(int) - chunk.pixels.min(-1)
    assert (spread.reshape(3000, -1).max(-1) > 16).mean() > 0.99


def test_sample_crops_are_what_their_names_say() -> None:
    spec = find_spec("skimage")
    assert spec is not None
    assert spec.submodule_search_locations
    photo = Image.open(Path(spec.submodule_search_locations[0], "data", "chelsea.png"))
    source = open_images("sample")
    chunk = source.read(0, 200, (32, 32, 3))
    checked = {False: 0, True: 0}
    for name, pixels in zip(chunk.names, chunk.pixels, strict=True):
        if not name or not name.startswith("chelsea"):
            continue
        _, size, _, place = name.removesuffix(", flipped").split()
        side = int(size.split("×")[0])
        left, top = map(int, place.split(","))
        box = (left, top, left + side, top + side)
        expected = np.asarray(photo.resize((32, 32), Image.Resampling.LANCZOS, box), np.float64)
        flipped = name.endswith("flipped")
        difference = np.abs(pixels - (expected[:, ::-1] if flipped else expected))
        assert difference.mean() < 3
        checked[flipped] += 1
    assert min(checked.values()) > 5


@pytest.mark.process
@pytest.mark.parametrize("data", [None, b"", b"no picture"])
def test_a_scikit_image_without_its_photographs(tmp_path: Path, data: bytes | None) -> None:
    package = tmp_path / "skimage"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").touch()
    if data is not None:
        (package / "data" / "astronaut.png").write_bytes(data)
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from collector.images import ImageSourceError, open_images
try:
    open_images("sample")
except ImageSourceError as error:
    print(error)
"""
    done = run_python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"scikit-image's photograph {package / 'data' / 'astronaut.png'} cannot be read: "
        "pip install --force-reinstall scikit-image.\n"
    )


@pytest.mark.process
def test_cached_cifar10_is_read_as_keras_reads_it(home: Path, planes: NDArray[np.uint8]) -> None:
    labels = [3, 8, 8, 0, 6, 9]
    path = write_batch(
        home,
        {
            b"batch_label": b"testing batch 1 of 1",
            b"labels": labels,
            b"data": planes,
            b"filenames": [b"domestic_cat_s_000907.png"] * 6,
        },
    )
    code = f"""
import sys
import numpy as np
from collector.images import open_images
source = open_images("auto")
assert not {HEAVY}, {HEAVY}
chunk = source.read(0, 99, (32, 32, 3))
assert source.class_names[3] == "cat"
from keras.src.datasets.cifar import load_batch
data, labels = load_batch({str(path)!r})
np.testing.assert_array_equal(chunk.pixels, data.transpose(0, 2, 3, 1))
np.testing.assert_array_equal(chunk.labels, labels)
print(source.description, source.spec, source.native_shape, len(source))
"""
    done = run_python(code, home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "cifar10 cifar10 (32, 32) 6"
    source = open_images("cifar10")
    # Independent of any loader: a row holds the red plane, then green, then blue, row by row.
    assert source.read(1, 2, (32, 32, 3)).pixels[0, 5, 7].tolist() == [
        planes[1, 1024 * channel + 5 * 32 + 7] for channel in range(3)
    ]
    assert source.read(0, 6, (32, 32, 3)).labels.tolist() == labels


@pytest.mark.process
def test_offline_and_not_cached_names_the_alternatives(tmp_path: Path) -> None:
    code = """
import sys
from collector.images import ImageSourceError, open_images
try:
    open_images("cifar10", progress=sys.stderr)
except ImageSourceError as error:
    print(error)
"""
    done = run_python(code, tmp_path)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert len(lines) == 1
    assert lines[0].startswith(
        "CIFAR-10 is not in Keras' cache and cannot be downloaded (URL fetch"
    )
    assert lines[0].endswith("use --images sample, a folder of images or an .npz file.")
    assert "Downloading data from https://" in done.stderr
    silent = run_python(code.replace(", progress=sys.stderr", ""), tmp_path)
    assert silent.stdout == done.stdout
    assert "Downloading" not in silent.stderr


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:500]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\x80\x02}q\x00."),
        lambda path: path.write_bytes(path.read_bytes().replace(b"labels", b"labelz")),
        lambda path: path.write_bytes(pickle.dumps([1, 2])),
    ],
)
def test_a_damaged_cache_counts_as_none(
    home: Path, planes: NDArray[np.uint8], damage: Callable[[Path], None]
) -> None:
    path = write_batch(home, {b"labels": [0] * 6, b"data": planes})
    assert open_cached_cifar10() is not None
    damage(path)
    assert open_cached_cifar10() is None
    assert open_images("auto").description == "sample"


@pytest.mark.parametrize("labels", [[0] * 5, [10] * 6, [-1] * 6, [b"a"] * 6, []])
def test_a_cache_whose_labels_do_not_fit(
    home: Path, planes: NDArray[np.uint8], labels: list[Any]
) -> None:
    write_batch(home, {b"labels": labels, b"data": planes})
    assert open_cached_cifar10() is None


def test_a_cache_cannot_run_code(home: Path, planes: NDArray[np.uint8], tmp_path: Path) -> None:
    path = write_batch(home, {b"labels": [0] * 6, b"data": planes})
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "sprung").encode() + b"'\ntR.")
    assert open_cached_cifar10() is None
    assert not (tmp_path / "sprung").exists()
    shutil.rmtree(home / "datasets")
    assert open_cached_cifar10() is None


@pytest.mark.parametrize("spec", ["no such thing", "", "Sample", "missing/a.npz"])
def test_nothing_there(spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageSourceError, match=r"^no images at .*: give a folder, an \.npz file,"):
        open_images(spec)


def test_one_picture_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    with pytest.raises(ImageSourceError, match=r"a\.png is not an \.npz file; give a folder"):
        open_images(str(tmp_path / "a.png"))


def test_a_folder_called_like_a_keyword(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sample").mkdir()
    Image.new("RGB", (2, 2)).save(tmp_path / "sample" / "a.png")
    monkeypatch.chdir(tmp_path)
    assert len(open_images("sample")) == 3000
    assert len(open_images("./sample")) == 1


def test_the_home_directory_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros((1, 2, 2, 3), np.uint8))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_images("~/a.npz").spec == str(tmp_path / "a.npz")
