"""Runs ONNX models in PyTorch, weights as parameters under their names in the file, so that they can be trained and
written back. The operators are those of restorers; what is missing is named."""
import re

import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper


class Network(torch.nn.Module):
    """The model at `path`. Weights are its floating-point initializers with an axis at least, as irtrain has it."""

    def __init__(self, path):
        super().__init__()
        self.model = onnx.load(path)
        graph = self.model.graph
        self.inputs = [i.name for i in graph.input if i.name not in {t.name for t in graph.initializer}]
        # Beside the image an input of one number is the noise level.
        levels = [n for n in self.inputs if len(self.inputs) > 1 and all(d.dim_value == 1 for d in self.dims(graph, n)[1:])]
        self.noise = levels[0] if levels else None
        self.inputs.sort(key=lambda name: name == self.noise)
        self.output = graph.output[0].name
        first = next(i for i in graph.input if i.name == self.inputs[0]).type.tensor_type.shape.dim[0]
        self.is_for_one = first.dim_value == 1
        self.constants, self.names = {}, []
        for tensor in graph.initializer:
            value = torch.from_numpy(numpy_helper.to_array(tensor).copy())
            if value.dtype in (torch.float32, torch.float16) and value.dim() > 0:
                # A dot may not be part of a parameter's name.
                self.register_parameter(tensor.name.replace(".", "\x1f"), torch.nn.Parameter(value.float()))
                self.names.append(tensor.name)
            else:
                self.constants[tensor.name] = value
        self.nodes = [(n, {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute}) for n in graph.node]

    @staticmethod
    def dims(graph, name):
        return next(i for i in graph.input if i.name == name).type.tensor_type.shape.dim

    def weight(self, name):
        return self._parameters[name.replace(".", "\x1f")]

    def weights(self):
        return {name: self.weight(name) for name in self.names}

    def forward(self, image, keep=(), noise=None):
        values = {k: v.to(image.device) for k, v in self.constants.items()}
        values.update(self.weights())
        values[self.inputs[0]] = image
        if self.noise:
            values[self.noise] = noise.view(-1, *[1] * (image.dim() - 1))
        kept = {}
        for node, attributes in self.nodes:
            run = globals().get("op_" + node.op_type)
            if run is None:
                raise NotImplementedError(f"{node.name} ({node.op_type}): no form in onnx_torch.py")
            results = run([values[i] if i else None for i in node.input], attributes, image.shape[0] if self.is_for_one else 0)
            for name, value in zip(node.output, results if isinstance(results, (list, tuple)) else [results]):
                values[name] = value
        for name in keep:
            kept[name] = values[name]
        return (values[self.output], kept) if keep else values[self.output]

    def save(self, path, weights=None):
        """Writes the model with its weights, or others by name, in their element types."""
        weights = {k: v.detach().cpu() for k, v in (weights or self.weights()).items()}
        for tensor in self.model.graph.initializer:
            if tensor.name in weights:
                old = numpy_helper.to_array(tensor)
                tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name].numpy().astype(old.dtype), tensor.name))
        onnx.save(self.model, path)


def ints(value):
    return [int(v) for v in value.flatten().tolist()] if torch.is_tensor(value) else [int(v) for v in value]


def axes_of(inputs, attributes, x, index=1):
    given = attributes.get("axes")
    if len(inputs) > index and inputs[index] is not None:
        given = ints(inputs[index])
    return [a % x.dim() for a in given] if given else list(range(x.dim()))


def pads_of(attributes, rank):
    pads = attributes.get("pads", [0] * (2 * rank))
    return [p for axis in reversed(range(rank)) for p in (pads[axis], pads[rank + axis])]


def op_Conv(i, a, n):
    x, w = i[0], i[1]
    rank = x.dim() - 2
    conv = [None, F.conv1d, F.conv2d, F.conv3d][rank]
    pads = pads_of(a, rank)
    padding = 0
    if any(pads):
        if all(pads[2 * k] == pads[2 * k + 1] for k in range(rank)):
            padding = [pads[2 * k] for k in reversed(range(rank))]
        else:
            x = F.pad(x, pads)
    ones = [1] * rank
    return conv(x, w, i[2] if len(i) > 2 else None, a.get("strides", ones), padding, a.get("dilations", ones), a.get("group", 1))


def op_ConvTranspose(i, a, n):
    pads, rank = a.get("pads", [0, 0, 0, 0]), i[0].dim() - 2
    assert rank == 2 and pads[:2] == pads[2:], "transposed convolution with unequal pads"
    return F.conv_transpose2d(
        i[0], i[1], i[2] if len(i) > 2 else None, a.get("strides", [1, 1]), pads[:2], a.get("output_padding", [0, 0]),
        a.get("group", 1), a.get("dilations", [1, 1]))


def op_Reshape(i, a, n):
    shape = ints(i[1])
    shape = [i[0].shape[k] if s == 0 and not a.get("allowzero") else s for k, s in enumerate(shape)]
    # A model that was exported for one image.
    if shape and shape[0] == 1 and i[0].dim() and i[0].shape[0] == n and n > 1:
        shape[0] = n
    return i[0].reshape(shape)


def op_Expand(i, a, n):
    return torch.broadcast_to(i[0], torch.broadcast_shapes(i[0].shape, tuple(ints(i[1]))))


def op_Split(i, a, n):
    axis = a.get("axis", 0)
    if len(i) > 1 and i[1] is not None:
        return torch.split(i[0], ints(i[1]), axis)
    if "split" in a:
        return torch.split(i[0], list(a["split"]), axis)
    return torch.chunk(i[0], a["num_outputs"], axis)


def op_Slice(i, a, n):
    x = i[0]
    starts, ends = (ints(i[1]), ints(i[2])) if len(i) > 1 else (a["starts"], a["ends"])
    axes = ints(i[3]) if len(i) > 3 and i[3] is not None else a.get("axes", list(range(len(starts))))
    steps = ints(i[4]) if len(i) > 4 and i[4] is not None else [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps):
        end = None if abs(end) > 1 << 40 else end
        picks = list(range(x.shape[axis]))[slice(start, end, step)]
        x = x.index_select(axis, torch.tensor(picks, device=x.device)) if step != 1 else x.narrow(axis, picks[0] if picks else 0, len(picks))
    return x


def op_Pad(i, a, n):
    pads = ints(i[1]) if len(i) > 1 else list(a["pads"])
    rank = len(pads) // 2
    flat = [p for axis in reversed(range(rank)) for p in (pads[axis], pads[rank + axis])]
    mode = {b"constant": "constant", b"reflect": "reflect", b"edge": "replicate"}[a.get("mode", b"constant")]
    if not any(flat):
        return i[0]
    while mode != "constant" and len(flat) > 4 and flat[-2:] == [0, 0]:
        flat = flat[:-2]
    return F.pad(i[0], flat, mode)


def op_Clip(i, a, n):
    low = i[1] if len(i) > 1 else a.get("min")
    high = i[2] if len(i) > 2 else a.get("max")
    return torch.clamp(i[0], low, high)


def op_Cast(i, a, n):
    types = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 10: torch.float16, 11: torch.float64}
    # Halves are trained as float32.
    return i[0].to(torch.float32 if a["to"] == 10 else types[a["to"]])


def op_Constant(i, a, n):
    if "value" in a:
        return torch.from_numpy(numpy_helper.to_array(a["value"]).copy())
    return torch.tensor(next(iter(a.values())))


def op_ConstantOfShape(i, a, n):
    value = numpy_helper.to_array(a["value"]) if "value" in a else torch.zeros(1).numpy()
    return torch.full(ints(i[0]), value.item(), dtype=torch.from_numpy(value.copy()).dtype)


def op_Resize(i, a, n):
    x = i[0]
    mode = {b"nearest": "nearest", b"linear": "bilinear", b"cubic": "bicubic"}[a.get("mode", b"nearest")]
    size = ints(i[3])[2:] if len(i) > 3 and i[3] is not None else [int(e * s) for e, s in zip(x.shape[2:], i[2].tolist()[2:])]
    corners = a.get("coordinate_transformation_mode") == b"align_corners"
    return F.interpolate(x, size=size, mode=mode, **({} if mode == "nearest" else {"align_corners": corners}))


def op_LayerNormalization(i, a, n):
    axis = a.get("axis", -1) % i[0].dim()
    return F.layer_norm(i[0], i[0].shape[axis:], i[1], i[2] if len(i) > 2 else None, a.get("epsilon", 1e-5))


def op_BatchNormalization(i, a, n):
    return F.batch_norm(i[0], i[3].detach(), i[4].detach(), i[1], i[2], False, 0, a.get("epsilon", 1e-5))


def op_Gemm(i, a, n):
    x = i[0].t() if a.get("transA") else i[0]
    w = i[1].t() if a.get("transB") else i[1]
    y = a.get("alpha", 1.0) * (x @ w)
    return y + a.get("beta", 1.0) * i[2] if len(i) > 2 else y


def op_DepthToSpace(i, a, n):
    x, b = i[0], a["blocksize"]
    if a.get("mode", b"DCR") == b"CRD":
        return F.pixel_shuffle(x, b)
    count, c, h, w = x.shape
    return x.reshape(count, b, b, c // (b * b), h, w).permute(0, 3, 4, 1, 5, 2).reshape(count, c // (b * b), h * b, w * b)


def op_SpaceToDepth(i, a, n):
    x, b = i[0], a["blocksize"]
    count, c, h, w = x.shape
    return x.reshape(count, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4).reshape(count, c * b * b, h // b, w // b)


def op_Gather(i, a, n):
    x, axis, index = i[0], a.get("axis", 0), i[1].long()
    axis %= x.dim()
    index = torch.where(index < 0, index + x.shape[axis], index)
    y = x.index_select(axis, index.flatten().to(x.device))
    return y.reshape(list(x.shape[:axis]) + list(index.shape) + list(x.shape[axis + 1:]))


def op_OneHot(i, a, n):
    hot = F.one_hot(i[0].long() % int(i[1]), int(i[1])).to(i[2].dtype)
    values = i[2].to(hot.device)
    hot = hot * (values[1] - values[0]) + values[0]
    return hot.movedim(-1, a.get("axis", -1))


def op_Transpose(i, a, n):
    return i[0].permute(a.get("perm", list(reversed(range(i[0].dim())))))


def op_Unsqueeze(i, a, n):
    x = i[0]
    axes = ints(i[1]) if len(i) > 1 else a["axes"]
    rank = x.dim() + len(axes)
    for axis in sorted(k % rank for k in axes):
        x = x.unsqueeze(axis)
    return x


def op_Squeeze(i, a, n):
    x = i[0]
    axes = ints(i[1]) if len(i) > 1 and i[1] is not None else a.get("axes")
    if axes is None:
        return x.squeeze()
    for axis in sorted((k % x.dim() for k in axes), reverse=True):
        x = x.squeeze(axis)
    return x


def op_ArgMax(i, a, n):
    return i[0].argmax(a.get("axis", 0), keepdim=bool(a.get("keepdims", 1)))


def reduction(call):
    def run(i, a, n):
        return call(i[0], axes_of(i, a, i[0]), bool(a.get("keepdims", 1)))
    return run


op_ReduceMean = reduction(lambda x, axes, keep: x.mean(axes, keepdim=keep))
op_ReduceSum = reduction(lambda x, axes, keep: x.sum(axes, keepdim=keep))
op_ReduceL2 = reduction(lambda x, axes, keep: torch.linalg.vector_norm(x, dim=axes, keepdim=keep))
op_ReduceMax = reduction(lambda x, axes, keep: x.amax(axes, keepdim=keep))
op_ReduceMin = reduction(lambda x, axes, keep: x.amin(axes, keepdim=keep))


def plain(call):
    return lambda i, a, n: call(*i)


op_Add, op_Sub, op_Mul = plain(torch.add), plain(torch.sub), plain(torch.mul)
op_Div = plain(lambda x, y: x / y if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc"))
op_Pow, op_Sqrt, op_Exp, op_Log = plain(torch.pow), plain(torch.sqrt), plain(torch.exp), plain(torch.log)
op_Erf, op_Sigmoid, op_Tanh, op_Relu = plain(torch.erf), plain(torch.sigmoid), plain(torch.tanh), plain(F.relu)
op_Neg, op_Abs, op_Reciprocal = plain(torch.neg), plain(torch.abs), plain(torch.reciprocal)
op_Max, op_Min = plain(torch.maximum), plain(torch.minimum)
op_MatMul, op_Identity, op_Where = plain(torch.matmul), plain(lambda x: x), plain(torch.where)
op_Equal, op_Less, op_Greater = plain(torch.eq), plain(torch.lt), plain(torch.gt)
op_Mod = plain(torch.remainder)
op_GlobalAveragePool = plain(lambda x: x.mean((2, 3), keepdim=True))


def op_Shape(i, a, n):
    return torch.tensor(i[0].shape[a.get("start", 0):a.get("end")], dtype=torch.int64)


def op_Concat(i, a, n):
    return torch.cat(i, a["axis"])


def op_Softmax(i, a, n):
    return F.softmax(i[0], a.get("axis", -1))


def op_LogSoftmax(i, a, n):
    return F.log_softmax(i[0], a.get("axis", -1))


def op_Gelu(i, a, n):
    return F.gelu(i[0], approximate=a.get("approximate", b"none").decode())


def op_LeakyRelu(i, a, n):
    return F.leaky_relu(i[0], a.get("alpha", 0.01))


def op_Flatten(i, a, n):
    axis = a.get("axis", 1)
    return i[0].reshape(int(torch.tensor(i[0].shape[:axis]).prod()) if axis else 1, -1)


def loss_of(prediction, target, pixel="l1", fourier=0.0):
    """irtrain's loss."""
    difference = prediction - target
    if pixel == "l1":
        value = difference.abs().mean()
    elif pixel == "l2":
        value = difference.square().mean()
    elif pixel == "psnr":
        value = 10 * (1 + 255**2 * difference.square().flatten(1).mean(1)).log10().mean()
    else:
        value = (difference.square() + 1e-6).sqrt().mean()
    if fourier:
        value = value + fourier * torch.view_as_real(torch.fft.fft2(difference)).abs().mean()
    return value


def leader_of(name):
    """The encoder's agnostic expert that a decoder's controller follows (DaAIR)."""
    match = re.fullmatch(r"dec\.([0-2])\.2\.layers\.(\d+)\.dale\.controller\.(.+)", name)
    return match and f"enc.{2 - int(match[1])}.0.layers.{match[2]}.dale.agnostic.{match[3]}"


def router_outputs(network):
    """The values that products with router weights make."""
    users = {}
    for node in network.model.graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    result = []
    for name in network.names:
        work = [name] if name.endswith("router.weight") else []
        while work:
            for node in users.get(work.pop(), []):
                if node.op_type in ("Reshape", "Transpose", "Unsqueeze"):
                    work.append(node.output[0])
                elif node.op_type in ("MatMul", "Gemm", "Conv"):
                    result.append(node.output[0])
    return result
