"""Arrays in, arrays out: correlation of filters, clusters, and what is drawn of them."""

from reactcnn_dash.analysis.agreement import (
    Flow,
    adjusted_rand,
    cluster_flow,
    normalised_mutual_information,
)
from reactcnn_dash.analysis.anomaly import (
    Suspect,
    oddness,
    score_threshold,
    suspects,
)
from reactcnn_dash.analysis.breakaway import Breakaway, Mates, fit_mates
from reactcnn_dash.analysis.clusters import (
    NO_CLUSTER,
    ClusterSummary,
    cluster,
    default_parameter,
    match_labels,
    summarise,
)
from reactcnn_dash.analysis.column_selection import Selection, View, select_filters
from reactcnn_dash.analysis.comparison import (
    NO_MATCH,
    Clusters,
    LayerComparison,
    Matches,
    cluster_both,
    compare_layer,
    match_filters,
)
from reactcnn_dash.analysis.correlation import (
    MINIMUM_IMAGES,
    Accumulator,
    CoMoments,
    Correlation,
    TooFewImages,
    correlation,
)
from reactcnn_dash.analysis.cross_moments import (
    CrossAccumulator,
    CrossMoments,
    CrossSum,
    cka_matrix,
    cross_correlation,
    linear_cka,
)
from reactcnn_dash.analysis.deviation import FilterQuantiles
from reactcnn_dash.analysis.explained import (
    Explanation,
    LayerPlan,
    explain,
    explained_curve,
    keepers,
    plan_layer,
    unexplained,
)
from reactcnn_dash.analysis.fault import FaultLocation, NoFaultToFind, locate_fault
from reactcnn_dash.analysis.graph import spanning_edges, start_positions
from reactcnn_dash.analysis.handover import (
    Received,
    hand_over,
    lossless_filters,
)
from reactcnn_dash.analysis.methods import METHODS, OVERVIEW, REDUNDANT, method_of
from reactcnn_dash.analysis.methods.entry import Method
from reactcnn_dash.analysis.profile import (
    MINIMUM_ROWS,
    LayerProfile,
    Profile,
    TooFewRows,
    fit_halves,
    fit_profile,
    image_score,
    relative_root,
)
from reactcnn_dash.analysis.proportions import change_interval, wilson_interval
from reactcnn_dash.analysis.redundancy import (
    LEAST_IMAGES,
    ClusterEvidence,
    LayerRedundancy,
    Spatial,
    SpatialMoments,
    Verdict,
    judge,
    redundancy,
)
from reactcnn_dash.analysis.refit import NormalEquations, refit
from reactcnn_dash.analysis.sampling import (
    SAMPLE,
    WARM_UP,
    refit_due,
    sample_among,
    sample_ordinals,
)
from reactcnn_dash.analysis.selectivity import (
    by_class,
    selectivities,
    selectivity,
)
from reactcnn_dash.analysis.shrinkage import ledoit_wolf
from reactcnn_dash.analysis.stability import (
    FEW_IMAGES,
    TARGET,
    CurvePoint,
    Stability,
    few_images,
    fisher_interval,
    stability,
    stability_steps,
)
from reactcnn_dash.analysis.widths import Costs, Path, narrowing
