"""Arrays in, arrays out: correlation of filters, clusters, and what is drawn of them."""

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
from reactcnn_dash.analysis.correlation import (
    MINIMUM_IMAGES,
    Accumulator,
    CoMoments,
    Correlation,
    TooFewImages,
    correlation,
)
from reactcnn_dash.analysis.graph import spanning_edges, start_positions

__all__ = [
    "METHODS",
    "MINIMUM_IMAGES",
    "NO_CLUSTER",
    "Accumulator",
    "ClusterSummary",
    "CoMoments",
    "Correlation",
    "Method",
    "TooFewImages",
    "cluster",
    "correlation",
    "default_parameter",
    "match_labels",
    "spanning_edges",
    "start_positions",
    "summarise",
]
