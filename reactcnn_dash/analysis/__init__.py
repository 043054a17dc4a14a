"""Arrays in, arrays out: correlation of filters, clusters, and what is drawn of them."""

from reactcnn_dash.analysis.agreement import (
    Flow,
    adjusted_rand,
    cluster_flow,
    normalised_mutual_information,
)
from reactcnn_dash.analysis.clusters import (
    METHODS,
    NO_CLUSTER,
    ClusterSummary,
    Method,
    cluster,
    default_parameter,
    match_labels,
    summarise,
)
from reactcnn_dash.analysis.comparison import (
    DEFAULT_METHOD,
    NO_MATCH,
    Clusters,
    LayerComparison,
    Matches,
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
    cka_matrix,
    cross_correlation,
    linear_cka,
)
from reactcnn_dash.analysis.graph import spanning_edges, start_positions

__all__ = [
    "DEFAULT_METHOD",
    "METHODS",
    "MINIMUM_IMAGES",
    "NO_CLUSTER",
    "NO_MATCH",
    "Accumulator",
    "ClusterSummary",
    "Clusters",
    "CoMoments",
    "Correlation",
    "CrossAccumulator",
    "CrossMoments",
    "Flow",
    "LayerComparison",
    "Matches",
    "Method",
    "TooFewImages",
    "adjusted_rand",
    "cka_matrix",
    "cluster",
    "cluster_flow",
    "compare_layer",
    "correlation",
    "cross_correlation",
    "default_parameter",
    "linear_cka",
    "match_filters",
    "match_labels",
    "normalised_mutual_information",
    "spanning_edges",
    "start_positions",
    "summarise",
]
