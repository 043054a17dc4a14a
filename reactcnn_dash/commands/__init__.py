"""The subcommands of ``python -m reactcnn_dash``, one module each."""
