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
from reactcnn_dash.db.moving import Move
from reactcnn_dash.db.opening import check_writable
from reactcnn_dash.db.patience import wait_ten_minutes
from reactcnn_dash.db.predictions import NO_PREDICTION, Predictions
from reactcnn_dash.db.pruning import Part as PrunedPart
from reactcnn_dash.db.pruning import PrunedRun, plan_pruning, prune_run
from reactcnn_dash.db.reader import StoreReader
from reactcnn_dash.db.records import (
    BFLOAT16,
    FLOAT32,
    Answers,
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
)
from reactcnn_dash.db.results import replace_states, save_clustering
from reactcnn_dash.db.search import ImageFilter, SearchOrder, SearchPage
from reactcnn_dash.db.sharing import Lease, SharedRun, find_shared
from reactcnn_dash.db.slimmings import NewSlimming, Slimming, save_slimming
from reactcnn_dash.db.tallies import Tally
from reactcnn_dash.db.targets import GIVEN as LETTERS_GIVEN
from reactcnn_dash.db.targets import RIGHT as LETTERS_RIGHT
from reactcnn_dash.db.targets import Letter
from reactcnn_dash.db.targets import hits_of as label_letters
from reactcnn_dash.db.upgrade import upgrade
from reactcnn_dash.db.writer import RunWriter, require_free
from reactcnn_dash.db.writing import finish_writing
