"""``python -m collector slim``: a smaller network out of a redundant one, with its cost measured.

What the whole network says about calibration images is measured once (``measuring``); channels that
stand and fall together are found from its graph (``channels``, ``bundles``); a budget is spent on
those that others explain (``choosing``); the consumers of what goes are given new weights
(``surgery``); and Keras makes a model of it again (``rebuilding``).

Only ``command``, ``request`` and this module can be imported without TensorFlow.
"""
