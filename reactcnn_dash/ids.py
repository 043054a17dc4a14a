"""Component ids: the only place where they are spelled."""

from __future__ import annotations

from typing import Final

# What the page knows; written by assets/*.js and by callbacks.
REQUEST: Final = "request"
FRAME: Final = "frame"
VIEW: Final = "view"
RUNS_VERSION: Final = "runs-version"
CLUSTER_REQUEST: Final = "cluster-request"
CLUSTERS: Final = "clusters"
TICK: Final = "tick"

# Every page.
FAILURE: Final = "failure"
HELP_BUTTON: Final = "help-button"
HELP: Final = "help"
COLOUR_SCHEME: Final = "colour-scheme"
NOTICE: Final = "notice"

# Header of the live page.
RUN_SELECT: Final = "run-select"
RUN_STATE: Final = "run-state"
RUN_COUNTS: Final = "run-counts"

# Time.
FIRST: Final = "first"
PREVIOUS: Final = "previous"
PLAY: Final = "play"
NEXT: Final = "next"
LAST: Final = "last"
ORDINAL: Final = "ordinal"
SLIDER: Final = "slider"
MISCLASSIFIED: Final = "misclassified"

# Image and probabilities.
IMAGE: Final = "image"
IMAGE_CAPTION: Final = "image-caption"
OVERLAY: Final = "overlay"
PROBABILITIES: Final = "probabilities"

# Grid.
SCALE: Final = "scale"
LEGEND: Final = "legend"
GRID: Final = "grid"
TIP: Final = "tip"
EMPTY: Final = "empty"

# Clusters.
PANEL: Final = "panel"
PANEL_HINT: Final = "panel-hint"
PANEL_TITLE: Final = "panel-title"
PANEL_CLOSE: Final = "panel-close"
METHOD: Final = "method"
PARAMETER_LOUVAIN: Final = "parameter-louvain"
PARAMETER_CPM: Final = "parameter-cpm"
PARAMETER_CAPTION: Final = "parameter-caption"
GRAPH: Final = "graph"
GRAPH_CAPTION: Final = "graph-caption"
CLUSTER_SUMMARY: Final = "cluster-summary"
CLUSTER_TABLE: Final = "cluster-table"
SELECTION: Final = "selection"
