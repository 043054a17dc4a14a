"""What is imported beside a library, and what is not: asked of processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from reactcnn_dash.imports import without


def test_packages_are_away_for_as_long_as_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import tomllib

    monkeypatch.delitem(sys.modules, "pyclbr", raising=False)
    with without("pyclbr", "tomllib", "no_such_package"):
        with pytest.raises(ModuleNotFoundError):
            import pyclbr
        # It is imported already, and stays.
        assert sys.modules["tomllib"] is tomllib
    assert not {"pyclbr", "no_such_package"} & set(sys.modules)
    with pytest.raises(KeyError), without("pyclbr"):
        raise KeyError
    import pyclbr

    assert pyclbr.__name__ in sys.modules


@pytest.mark.process
@pytest.mark.parametrize("searched", [True, False])
def test_what_is_loaded_to_stay_is_never_looked_through_and_what_comes_after_is(
    *, searched: bool
) -> None:
    script = f"""
import gc, sys, weakref
from reactcnn_dash.imports import to_stay
class Ring: ...
def ring():
    one = Ring()
    one.me = one
    return weakref.ref(one)
({"gc.enable" if searched else "gc.disable"})()
with to_stay():
    print(gc.isenabled())
    import pyclbr
kept = gc.get_freeze_count()
print(kept > 1000, gc.isenabled(), pyclbr.__name__)
lost = ring()
gc.collect()
print(lost() is None)
with to_stay():
    import pyclbr
print(gc.get_freeze_count() == kept)
try:
    with to_stay():
        raise KeyError
except KeyError:
    print(gc.isenabled())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    expected = [False, True, searched, "pyclbr", True, True, searched]
    assert done.stdout.split() == [str(one) for one in expected]


@pytest.mark.process
def test_keras_comes_without_tables_and_wrappers_which_can_be_imported_afterwards() -> None:
    script = """
import sys
from collector.frameworks.keras.runtime import start_tensorflow
start_tensorflow()
print(*sorted({"IPython", "pandas", "sklearn"} & {one.partition(".")[0] for one in sys.modules}))
import keras, numpy, pandas, sklearn.linear_model
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(numpy.ones((4, 2)), numpy.ones(4), verbose=0)
print(len(pandas.DataFrame({"a": [1]})))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n") == ["", "1", ""]


@pytest.mark.process
def test_the_server_comes_without_dashs_part_for_notebooks() -> None:
    script = """
import sys
from reactcnn_dash import cli, server
class Enough(Exception): ...
def serve(*_, **__): raise Enough(len({"IPython", "requests"} & set(sys.modules)))
server.serve = serve
try:
    cli._serve("sqlite:///none.db", cli.parser().parse_args(["--port", "0"]))
except Enough as found:
    print(found, len(sys.modules["dash"].page_registry))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0 0\n"
