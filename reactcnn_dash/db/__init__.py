"""The SQL store: all that the collector writes and the page reads goes through these names."""

from reactcnn_dash.db.address import (
    StoreAddress,
    StoreUrl,
    normalise_url,
    put_password_away,
    without_password,
)
from reactcnn_dash.db.blobs import pack, unpack
from reactcnn_dash.db.comparisons import ComparisonKey, save_comparison
from reactcnn_dash.db.copying import copy_store, warnings_of
from reactcnn_dash.db.deletion import Deleted, RunDeletion, delete_run
from reactcnn_dash.db.editing import edit_run
from reactcnn_dash.db.engine import READ_ONLY
from reactcnn_dash.db.errors import (
    DamagedBlob,
    DamagedRow,
    EditRefused,
    ImageNotFound,
    NotAStore,
    NothingThere,
    Pruned,
    RunBusy,
    RunNotFound,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreGone,
    StoreLocked,
    StoreMissing,
    StoreNewer,
    StoreOutdated,
    StoreReadOnly,
    StoreUnreachable,
)
from reactcnn_dash.db.expanding import arrays_of, inflated
from reactcnn_dash.db.kept_results import KeptResult, keep_result
from reactcnn_dash.db.map_keeping import save_maps
from reactcnn_dash.db.moving import Move, Moved
from reactcnn_dash.db.opening import check_writable
from reactcnn_dash.db.patience import wait_ten_minutes
from reactcnn_dash.db.predictions import NO_PREDICTION, Predictions
from reactcnn_dash.db.pruning import PRUNABLE, PrunedRun, plan_pruning, prune_run
from reactcnn_dash.db.pruning import Part as PrunedPart
from reactcnn_dash.db.reader import StoreReader
from reactcnn_dash.db.records import (
    BFLOAT16,
    FLOAT32,
    Answers,
    Checkpoint,
    Clustering,
    CorrelationState,
    FeatureMaps,
    Frame,
    GapBlock,
    Identity,
    Image,
    ImageBatch,
    ImageFacts,
    Kernel,
    Layer,
    Listing,
    MapBatch,
    NewRun,
    Run,
    RunState,
    RunSummary,
    Shared,
    Target,
)
from reactcnn_dash.db.results import note_odd, replace_states, save_clustering
from reactcnn_dash.db.search import Hit, ImageFilter, SearchOrder, SearchPage
from reactcnn_dash.db.sharing import Lease, SharedRun, find_shared
from reactcnn_dash.db.slimmings import NewSlimming, Slimming, save_slimming
from reactcnn_dash.db.tallies import Tally
from reactcnn_dash.db.targets import GIVEN as LETTERS_GIVEN
from reactcnn_dash.db.targets import RIGHT as LETTERS_RIGHT
from reactcnn_dash.db.targets import Letter, Targets
from reactcnn_dash.db.targets import hits_of as label_letters
from reactcnn_dash.db.upgrade import UpgradeResult, upgrade
from reactcnn_dash.db.writer import RunWriter, require_free
from reactcnn_dash.db.writing import finish_writing

__all__ = [
    "BFLOAT16",
    "FLOAT32",
    "LETTERS_GIVEN",
    "LETTERS_RIGHT",
    "NO_PREDICTION",
    "PRUNABLE",
    "READ_ONLY",
    "Answers",
    "Checkpoint",
    "Clustering",
    "ComparisonKey",
    "CorrelationState",
    "DamagedBlob",
    "DamagedRow",
    "Deleted",
    "EditRefused",
    "FeatureMaps",
    "Frame",
    "GapBlock",
    "Hit",
    "Identity",
    "Image",
    "ImageBatch",
    "ImageFacts",
    "ImageFilter",
    "ImageNotFound",
    "KeptResult",
    "Kernel",
    "Layer",
    "Lease",
    "Letter",
    "Listing",
    "MapBatch",
    "Move",
    "Moved",
    "NewRun",
    "NewSlimming",
    "NotAStore",
    "NothingThere",
    "Predictions",
    "Pruned",
    "PrunedPart",
    "PrunedRun",
    "Run",
    "RunBusy",
    "RunDeletion",
    "RunNotFound",
    "RunState",
    "RunSummary",
    "RunWriter",
    "SearchOrder",
    "SearchPage",
    "Shared",
    "SharedRun",
    "Slimming",
    "StoreAddress",
    "StoreCorrupt",
    "StoreError",
    "StoreFull",
    "StoreGone",
    "StoreLocked",
    "StoreMissing",
    "StoreNewer",
    "StoreOutdated",
    "StoreReadOnly",
    "StoreReader",
    "StoreUnreachable",
    "StoreUrl",
    "Tally",
    "Target",
    "Targets",
    "UpgradeResult",
    "arrays_of",
    "check_writable",
    "copy_store",
    "delete_run",
    "edit_run",
    "find_shared",
    "finish_writing",
    "inflated",
    "keep_result",
    "label_letters",
    "normalise_url",
    "note_odd",
    "pack",
    "plan_pruning",
    "prune_run",
    "put_password_away",
    "replace_states",
    "require_free",
    "save_clustering",
    "save_comparison",
    "save_maps",
    "save_slimming",
    "unpack",
    "upgrade",
    "wait_ten_minutes",
    "warnings_of",
    "without_password",
]
