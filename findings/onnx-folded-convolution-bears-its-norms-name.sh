#!/bin/sh
# torch 2.13.0 with onnxscript 0.7.2 (torch.onnx.export, dynamo): where a BatchNorm is folded into the
# convolution before it, the Conv node that stays claims to come from the BatchNorm: its scopes, class
# hierarchy and source line are the norm's, and the module of the convolution is named by no node. Only
# its weights still bear that name. The older exporter calls the same node after the convolution.
# Output seen: Conv of ['', 'norm'], weight conv.weight; the older one: /conv/Conv.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 numpy==2.4.6
cd "$folder" && "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import ast
from collections import OrderedDict

import onnx
import torch
from torch import nn

parts = OrderedDict(conv=nn.Conv2d(3, 4, 3), norm=nn.BatchNorm2d(4), act=nn.ReLU())
net, image = nn.Sequential(parts).eval(), (torch.zeros(1, 3, 8, 8),)
torch.onnx.export(net, image, "new.onnx", verbose=False)
torch.onnx.export(net, image, "old.onnx", dynamo=False)
(new,) = [node for node in onnx.load("new.onnx").graph.node if node.op_type == "Conv"]
(old,) = [node for node in onnx.load("old.onnx").graph.node if node.op_type == "Conv"]
scopes = {one.key: one.value for one in new.metadata_props}["pkg.torch.onnx.name_scopes"]
modules = ast.literal_eval(scopes)[:-1]
print("torch", torch.__version__, "Conv of", modules, "weight", new.input[1], "| older:", old.name)
assert modules == ["", "norm"] and new.input[1] == "conv.weight", "it names the convolution now"
assert old.name == "/conv/Conv"
PYTHON
