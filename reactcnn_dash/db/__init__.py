"""The SQL store: all that the collector writes and the page reads goes through these names."""

from reactcnn_dash.db.answers import NO_ANSWER, Answers
from reactcnn_dash.db.blobs import pack, unpack
from reactcnn_dash.db.errors import (
    DamagedBlob,
    ImageNotFound,
    NotAStore,
    RunBusy,
    RunNotFound,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreMissing,
    StoreNewer,
    StoreOutdated,
    StoreReadOnly,
)
from reactcnn_dash.db.place import normalise_url
from reactcnn_dash.db.reader import StoreReader
from reactcnn_dash.db.records import (
    Checkpoint,
    Clustering,
    CorrelationState,
    FeatureMaps,
    Frame,
    GapBlock,
    Image,
    ImageBatch,
    ImageFacts,
    Layer,
    MapBatch,
    NewRun,
    Run,
    RunState,
)
from reactcnn_dash.db.results import replace_states, save_clustering
from reactcnn_dash.db.upgrade import UpgradeResult, upgrade
from reactcnn_dash.db.writer import RunWriter

__all__ = [
    "NO_ANSWER",
    "Answers",
    "Checkpoint",
    "Clustering",
    "CorrelationState",
    "DamagedBlob",
    "FeatureMaps",
    "Frame",
    "GapBlock",
    "Image",
    "ImageBatch",
    "ImageFacts",
    "ImageNotFound",
    "Layer",
    "MapBatch",
    "NewRun",
    "NotAStore",
    "Run",
    "RunBusy",
    "RunNotFound",
    "RunState",
    "RunWriter",
    "StoreCorrupt",
    "StoreError",
    "StoreFull",
    "StoreLocked",
    "StoreMissing",
    "StoreNewer",
    "StoreOutdated",
    "StoreReadOnly",
    "StoreReader",
    "UpgradeResult",
    "normalise_url",
    "pack",
    "replace_states",
    "save_clustering",
    "unpack",
    "upgrade",
]
