#!/usr/bin/env python3
"""Writes ONNX files of networks that are not ours, as PyPI packages build them and PyTorch exports them.

usage: make-foreign-networks.py --list | --check [NAME…] | OUT [NAME…]      (Tools/scripts/foreign-networks brings the packages)
Writes OUT/NAME.onnx, sizes bound, its title in the metadata, and OUT/NAME.npz with inputs (and, of a network that carries
rounding on, the outputs in float64, as exact:OUTPUT). Nothing is downloaded: weights are drawn from a fixed seed. Then each
layer, in the order of a run, is scaled so that its results vary by one, and batch normalizations take the statistics that they
meet; so signals neither die nor explode. --check shows by gradients that each tensor of weights that a network uses matters.
"""
import os
import shutil
import sys
import tempfile
import warnings

SEED = 0
OPSET = 17
# A file of ONNX holds two gigabytes; weights of larger networks lie beside it.
MOST_PARAMETERS_INSIDE = 450_000_000
# Gradients of whole pictures take gigabytes.
CHECKED_SIDE = 64
NETWORKS = {}


class Unfit(Exception):
    """Weights with which nothing can be compared."""


class Made:
    """A module, its inputs by name in the order of its arguments, which exporter takes it, whether it takes less of them,
    layers whose results are to vary by 0.02 instead of one, and whether it carries rounding on, so that runtimes are compared
    with what it computes in float64."""

    def __init__(self, module, feeds, dynamo=False, crops=False, quiet=(), carries_rounding=False):
        self.module, self.feeds, self.dynamo, self.crops, self.quiet = module, feeds, dynamo, crops, quiet
        self.carries_rounding = carries_rounding


def network(title):
    """Registers a function that builds a network; its name with dashes is the network's."""

    def register(build):
        NETWORKS[build.__name__.replace("_", "-")] = (title, build)
        return build

    return register


def picture(side, channels=3, width=None):
    import torch

    return torch.rand(1, channels, side, width or side)


def scene(side):
    """A picture with structure at all scales: of noise alone little is left after five poolings."""
    import torch
    from torch.nn import functional

    octaves, size = [], 2
    while size <= side:
        octaves.append(functional.interpolate(torch.rand(1, 3, size, size), (side, side), mode="bilinear"))
        size *= 2
    return torch.stack(octaves).mean(0)


def calling(module, call):
    """The module with another way to call it, where its own takes or gives other things than tensors."""
    from torch import nn

    class Calling(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = module

        def forward(self, *tensors):
            return call(self.inner, *tensors)

    return Calling()


def spandrel(path, side, channels=3, extra=False, **settings):
    """An architecture of spandrel, PATH being module and class, on a picture."""
    import importlib

    module, name = path.rsplit(".", 1)
    package = "spandrel_extra_arches" if extra else "spandrel"
    made = getattr(importlib.import_module(f"{package}.architectures.{module}"), name)(**settings)
    return Made(made, {"image": picture(side, channels)}, crops=True)


def of_timm(name, side, **settings):
    import timm

    return Made(timm.create_model(name, pretrained=False, exportable=True, **settings), {"image": picture(side)})


# Restoration


@network("DRUNet, colour")
def drunet():
    return spandrel("DRUNet.DRUNet", 256, channels=4, in_nc=4, out_nc=3, nc=[64, 128, 256, 512], nb=4)


@network("Compact, 16 × 64, ×4")
def compact():
    return spandrel("Compact.Compact", 256, num_feat=64, num_conv=16, upscale=4, act_type="prelu")


@network("RRDB, 6 × 64, ×4")
def rrdb_x4():
    return spandrel("ESRGAN.ESRGAN", 128, num_filters=64, num_blocks=6, scale=4)


@network("FBCNN, colour")
def fbcnn():
    made = spandrel("FBCNN.FBCNN", 256, in_nc=3, out_nc=3, nc=[64, 128, 256, 512], nb=4)
    made.module = calling(made.module, lambda inner, image: inner(image)[0])
    return made


@network("SwinIR, dim 60, 4 × 6 blocks, ×2")
def swinir_x2():
    return spandrel(
        "SwinIR.SwinIR", 256, img_size=64, embed_dim=60, depths=[6] * 4, num_heads=[6] * 4, window_size=8, mlp_ratio=2.0,
        upscale=2, upsampler="pixelshuffledirect")


@network("HAT, dim 144, 2 × 6 blocks, ×4")
def hat():
    return spandrel(
        "HAT.HAT", 128, img_size=64, embed_dim=144, depths=(6, 6), num_heads=(6, 6), window_size=16, compress_ratio=24,
        squeeze_factor=24, mlp_ratio=2.0, upscale=4)


@network("DAT, dim 180, 6 blocks, ×2")
def dat():
    return spandrel(
        "DAT.DAT", 128, img_size=64, embed_dim=180, depth=[6], num_heads=[6], split_size=[8, 16], expansion_factor=2.0, upscale=2,
        resi_connection="3conv", upsampler="pixelshuffledirect")


@network("OmniSR, 5 × 64, ×4")
def omnisr():
    return spandrel("OmniSR.OmniSR", 128, num_feat=64, block_num=1, res_num=5, up_scale=4)


@network("RealPLKSR, 28 × 64, DySample ×4")
def plksr_dysample():
    return spandrel("PLKSR.RealPLKSR", 128, dim=64, n_blocks=28, upscaling_factor=4, dysample=True)


@network("KBNet_s")
def kbnet():
    return spandrel("KBNet.KBNet_s", 128)


@network("GFPGAN, clean")
def gfpgan():
    made = spandrel("GFPGAN.GFPGAN", 512, out_size=512, num_style_feat=512, channel_multiplier=2, narrow=1, sft_half=True)
    made.module = calling(made.module, lambda inner, image: inner(image, return_rgb=False, randomize_noise=False)[0])
    made.crops = False
    return made


@network("LaMa, picture and mask")
def lama():
    made = spandrel("LaMa.LaMa", 256, in_nc=4, out_nc=3)
    made.feeds["mask"] = (picture(256, 1) > 0.7).float()
    made.dynamo = True
    return made


# Pictures and what is in them


@network("ResNet-18")
def resnet18():
    import torchvision

    return Made(torchvision.models.resnet18(), {"image": picture(224)})


@network("ResNet-50")
def resnet50():
    import torchvision

    return Made(torchvision.models.resnet50(), {"image": picture(224)})


@network("EfficientNet-B0")
def efficientnet_b0():
    return of_timm("efficientnet_b0", 224)


@network("MobileNet-V3, large")
def mobilenet_v3():
    return of_timm("mobilenetv3_large_100", 224)


@network("MobileViT-S")
def mobilevit():
    return of_timm("mobilevit_s", 256)


@network("HRNet-W18 small")
def hrnet():
    return of_timm("hrnet_w18_small_v2", 224)


@network("ConvNeXt, tiny")
def convnext():
    return of_timm("convnext_tiny", 224)


@network("ViT-B/16")
def vit():
    return of_timm("vit_base_patch16_224", 224)


@network("Swin-V2, tiny, window 8")
def swin_v2():
    return of_timm("swinv2_tiny_window8_256", 256)


@network("DeepLabV3, MobileNet-V3")
def deeplabv3():
    import torchvision

    module = torchvision.models.segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None)
    return Made(calling(module, lambda inner, image: inner(image)["out"]), {"image": picture(256)})


@network("U²-Net")
def u2net():
    return Made(u_square_net(), {"image": scene(320)})


@network("DPT, ViT-B/16")
def dpt():
    from transformers import DPTConfig, DPTForDepthEstimation

    module = DPTForDepthEstimation(DPTConfig(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, image_size=384, patch_size=16,
        backbone_out_indices=[2, 5, 8, 11], neck_hidden_sizes=[96, 192, 384, 768], fusion_hidden_size=256, is_hybrid=False))
    return Made(calling(module, lambda inner, image: inner(image).predicted_depth), {"image": picture(384)})


@network("RAFT, small, 12 updates")
def raft():
    import torchvision

    module = torchvision.models.optical_flow.raft_small()
    feeds = {"first": 2 * picture(256, width=320) - 1, "second": 2 * picture(256, width=320) - 1}
    # Steps of many pixels into pictures of noise have no limit in which rounding would not matter.
    steps = (module.update_block.flow_head.conv2,)
    return Made(calling(module, lambda inner, first, second: inner(first, second, num_flow_updates=12)[-1]), feeds,
        quiet=steps, carries_rounding=True)


@network("CLIP ViT-B/16, pictures")
def clip_picture():
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    module = CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, image_size=224, patch_size=16,
        projection_dim=512))
    return Made(calling(module, lambda inner, image: inner(image).image_embeds), {"image": picture(224)})


@network("CLIP ViT-B, text of 77 tokens")
def clip_text():
    import torch
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    module = CLIPTextModelWithProjection(CLIPTextConfig(projection_dim=512))
    tokens = torch.cat([torch.tensor([49406]), torch.randint(0, 49406, (20,)), torch.full((56,), 49407)])[None]
    return Made(calling(module, lambda inner, tokens: inner(input_ids=tokens).text_embeds), {"tokens": tokens})


# Diffusion


def unet(**settings):
    import diffusers
    import torch

    module = diffusers.UNet2DConditionModel(sample_size=64, in_channels=4, out_channels=4, **settings)
    feeds = {
        "sample": torch.randn(1, 4, 64, 64), "timestep": torch.tensor([500]),
        "context": torch.randn(1, 77, settings["cross_attention_dim"])}
    return Made(
        calling(module, lambda inner, sample, timestep, context: inner(sample, timestep, context, return_dict=False)[0]), feeds)


@network("SD UNet, small: widths 160 to 640, 1 block a level, 64×64 latents")
def unet_small():
    return unet(block_out_channels=(160, 320, 640, 640), layers_per_block=1, attention_head_dim=8, cross_attention_dim=768)


@network("SD-2 UNet, 64×64 latents")
def unet_full():
    made = unet(
        block_out_channels=(320, 640, 1280, 1280), layers_per_block=2, attention_head_dim=(5, 10, 20, 20),
        cross_attention_dim=1024, use_linear_projection=True)
    made.dynamo = True
    return made


def autoencoder():
    import diffusers

    levels = 4
    return diffusers.AutoencoderKL(
        block_out_channels=(128, 256, 512, 512), down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels, layers_per_block=2, latent_channels=4)


@network("SD VAE's encoder")
def vae_encoder():
    return Made(calling(autoencoder(), lambda inner, image: inner.quant_conv(inner.encoder(image))), {"image": picture(256)})


@network("SD VAE's decoder, to 256×256, latents")
def vae_decoder():
    import torch

    module = calling(autoencoder(), lambda inner, latents: inner.decode(latents, return_dict=False)[0])
    return Made(module, {"latents": torch.randn(1, 4, 32, 32)})


@network("TAESD's decoder, to 512×512, latents")
def vae_tiny_decoder():
    import diffusers
    import torch

    module = calling(diffusers.AutoencoderTiny(), lambda inner, latents: inner.decode(latents, return_dict=False)[0])
    return Made(module, {"latents": torch.randn(1, 4, 64, 64)})


def u_square_net():
    """U²-Net (Qin et al., 2020, arXiv 2005.09007), which no package of PyTorch's builds: its seven maps."""
    import torch
    from torch import nn
    from torch.nn import functional

    def like(x, y):
        return functional.interpolate(x, size=y.shape[2:], mode="bilinear", align_corners=False)

    def layer(inputs, outputs, dilation=1):
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation), nn.BatchNorm2d(outputs), nn.ReLU())

    class Block(nn.Module):
        """A U of `depth` layers within a residual; without pooling it is dilated instead."""

        def __init__(self, depth, inputs, middle, outputs, pools=True):
            super().__init__()
            rates = [1] * (depth - 1) if pools else [2**i for i in range(depth - 1)]
            self.pools, self.entry = pools, layer(inputs, outputs)
            self.down = nn.ModuleList(layer(outputs if i == 0 else middle, middle, rate) for i, rate in enumerate(rates))
            self.bottom = layer(middle, middle, 2 if pools else 2 ** (depth - 1))
            self.up = nn.ModuleList(
                layer(2 * middle, outputs if i == 0 else middle, rate) for i, rate in enumerate(rates))

        def forward(self, x):
            entry = x = self.entry(x)
            known = []
            for index, down in enumerate(self.down):
                x = down(functional.max_pool2d(x, 2, ceil_mode=True) if self.pools and index > 0 else x)
                known.append(x)
            x = self.bottom(x)
            for up, skip in zip(reversed(self.up), reversed(known)):
                x = up(torch.cat([like(x, skip), skip], 1))
            return x + entry

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.ModuleList([
                Block(7, 3, 32, 64), Block(6, 64, 32, 128), Block(5, 128, 64, 256), Block(4, 256, 128, 512),
                Block(4, 512, 256, 512, pools=False), Block(4, 512, 256, 512, pools=False)])
            self.up = nn.ModuleList([
                Block(4, 1024, 256, 512, pools=False), Block(4, 1024, 128, 256), Block(5, 512, 64, 128), Block(6, 256, 32, 64),
                Block(7, 128, 16, 64)])
            self.sides = nn.ModuleList(nn.Conv2d(c, 1, 3, padding=1) for c in (64, 64, 128, 256, 512, 512))
            self.last = nn.Conv2d(6, 1, 1)

        def forward(self, x):
            known = []
            for index, down in enumerate(self.down):
                x = down(x if index == 0 else functional.max_pool2d(x, 2, ceil_mode=True))
                known.append(x)
            maps = [x]
            for up, skip in zip(self.up, reversed(known[:-1])):
                x = up(torch.cat([like(x, skip), skip], 1))
                maps.append(x)
            sides = [side(x) for side, x in zip(self.sides, reversed(maps))]
            sides = sides[:1] + [like(side, sides[0]) for side in sides[1:]]
            return [torch.sigmoid(x) for x in [self.last(torch.cat(sides, 1)), *sides]]

    return Network()


# Weights


def is_layer(module):
    from torch import nn

    return isinstance(module, (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear))


def draw(module):
    """Fresh values for what is constant or next to it; other tables keep what their authors draw."""
    import torch

    for owner in module.modules():
        for name, value in owner.named_parameters(recurse=False):
            low, high, fan_in = float(value.min()), float(value.max()), value[0].numel()
            if value.ndim == 5:
                fan_in = value[0, 0].numel()
            with torch.no_grad():
                if isinstance(owner, torch.nn.modules.batchnorm._BatchNorm) and name == "bias":
                    # Where rectifiers cut half of all values, errors of rounding grow from layer to layer.
                    value.uniform_(0.5, 1.5)
                elif "bias" in name and (value.ndim == 1 or high == low):
                    value.uniform_(-0.1, 0.1)
                elif name.endswith("weight") and value.ndim > 1 and not isinstance(owner, torch.nn.Embedding):
                    value.normal_(0, fan_in**-0.5)
                elif low == high and low >= 0.5:
                    value.uniform_(0.5 * low, 1.5 * low)
                elif low == high and value.numel() == max(value.shape, default=1):
                    value.uniform_(0.1, 0.5)
                elif float(value.std(unbiased=False)) < 0.1:
                    value.normal_(0, 0.3)


def fit(module, inputs, quiet):
    """One run in which each layer's results are made to vary by one, and batch normalizations learn their inputs' statistics."""
    import torch
    from torch import nn

    seen, flat = set(), {}

    def scale(layer, _, result):
        if id(layer.weight) in seen or result.numel() < 8:
            return None
        shift = 0 if layer.bias is None else layer.bias
        if layer.bias is not None and not isinstance(layer, nn.Linear):
            shift = shift.view(-1, *[1] * (result.ndim - 2))
        plain = result - shift
        deviation = plain.std() * (50 if layer in quiet else 1)
        if float(deviation) < 1e-6:
            # Such as of the first guess of a loop, all zeros: the next run of the layer tells.
            flat[id(layer.weight)] = f"{type(layer).__name__} of {tuple(layer.weight.shape)}"
            return None
        seen.add(id(layer.weight))
        layer.weight.data /= deviation
        return plain / deviation + shift

    def learn(norm, inputs):
        x = inputs[0]
        axes = [axis for axis in range(x.ndim) if axis != 1]
        norm.running_mean.copy_(x.mean(axes))
        variance = x.var(axes, correction=0)
        norm.running_var.copy_(variance if x.numel() >= 8 * x.shape[1] else variance.mean() + x.var(correction=0) + 0.1)

    hooks = [layer.register_forward_hook(scale) for layer in module.modules() if is_layer(layer)]
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.running_mean is not None]
    hooks += [norm.register_forward_pre_hook(learn) for norm in norms]
    with torch.no_grad():
        module(*inputs)
    for hook in hooks:
        hook.remove()
    constant = [layer for key, layer in flat.items() if key not in seen]
    if constant:
        raise Unfit(f"results are constant: {', '.join(constant)}")


def results_of(module, inputs):
    results = module(*inputs)
    return list(results) if isinstance(results, (list, tuple)) else [results]


def check(module, inputs):
    """Results vary and are finite. Returns their number."""
    import torch

    with torch.no_grad():
        results = results_of(module, inputs)
    for result in results:
        deviation = float(result.std())
        if not torch.isfinite(result).all() or not 1e-2 <= deviation <= 1e3:
            raise Unfit(f"results vary by {deviation:.1e}")
    return len(results)


def check_gradients(name, module, inputs):
    """Each tensor of weights that the network uses has a gradient."""
    import torch

    # Otherwise these write into their inputs, which has no gradient.
    in_place = [part for part in module.modules() if type(part).__name__.startswith("PLKConv")]
    for part in in_place:
        part.train()
    sum((result * torch.randn_like(result)).sum() for result in results_of(module, inputs)).backward()
    for part in in_place:
        part.eval()
    parameters = dict(module.named_parameters())
    used = {key: p for key, p in parameters.items() if p.grad is not None}
    dead = [key for key, p in used.items() if not float(p.grad.abs().max()) > 0]
    if dead:
        raise Unfit(f"{len(dead)} tensors of {len(used)} do not matter: {', '.join(dead[:8])}")
    print(f"{name}: {len(used)} tensors of weights matter, {len(parameters) - len(used)} are not used", flush=True)


def results_in_double(module, inputs):
    """What the module computes in float64, also where its code says float. The module stays so."""
    import torch

    single, tensor_float = torch.get_default_dtype(), torch.Tensor.float
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    try:
        return results_of(module.double(), [x.double() if x.is_floating_point() else x for x in inputs])
    finally:
        torch.set_default_dtype(single)
        torch.Tensor.float = tensor_float


def export(name, title, made, count, folder):
    """Writes the file whole or not at all; weights beyond two gigabytes lie beside it."""
    import numpy as np
    import onnx
    import torch

    inputs = tuple(made.feeds.values())
    outputs = ["result"] if count == 1 else [f"result{i}" for i in range(count)]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        path = os.path.join(scratch, f"{name}.onnx")
        settings = {"input_names": list(made.feeds), "output_names": outputs}
        if made.dynamo:
            beside = sum(p.numel() for p in made.module.parameters()) > MOST_PARAMETERS_INSIDE
            torch.onnx.export(made.module, inputs, path, dynamo=True, opset_version=18, external_data=beside, **settings)
        else:
            torch.onnx.export(made.module, inputs, path, dynamo=False, opset_version=OPSET, **settings)
        model = onnx.load(path, load_external_data=False)
        onnx.helper.set_model_props(model, {"title": title})
        onnx.save(model, path)
        onnx.checker.check_model(path, full_check=not os.path.exists(path + ".data"))
        arrays = {key: value.numpy() for key, value in made.feeds.items()}
        if made.carries_rounding:
            exact = results_in_double(made.module, inputs)
            arrays.update({f"exact:{output}": result.numpy() for output, result in zip(outputs, exact)})
        np.savez(os.path.join(scratch, f"{name}.npz"), **arrays)
        for file in sorted(os.listdir(scratch), key=lambda file: file.endswith(".onnx")):
            shutil.move(os.path.join(scratch, file), os.path.join(folder, file))


def make(name, folder):
    """Writes a network's files; without a folder checks its gradients instead."""
    import torch

    title, build = NETWORKS[name]
    torch.manual_seed(SEED)
    made = build()
    made.module.eval()
    inputs = tuple(made.feeds.values())
    draw(made.module)
    fit(made.module, inputs, made.quiet)
    if folder is None:
        few = [x[..., :CHECKED_SIDE, :CHECKED_SIDE] for x in inputs] if made.crops else inputs
        return check_gradients(name, made.module, few)
    count = check(made.module, inputs)
    made.module.requires_grad_(False)
    export(name, title, made, count, folder)
    print(f"{name}: {title}: {sum(p.numel() for p in made.module.parameters()) / 1e6:.1f} M parameters", flush=True)


def prepare():
    """torchvision declares operators of a library that loads with one build of PyTorch only; no network here uses them."""
    import importlib.util

    import torch

    warnings.simplefilter("ignore")
    try:
        torch.ops.load_library(os.path.join(os.path.dirname(importlib.util.find_spec("torchvision").origin), "_C.so"))
    except OSError:
        prepare.library = torch.library.Library("torchvision", "DEF")
        prepare.library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        prepare.library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def main():
    arguments = sys.argv[1:]
    if arguments == ["--list"]:
        print("\n".join(f"{name}\t{title}" for name, (title, _) in NETWORKS.items()))
        return
    if not arguments or any(name not in NETWORKS for name in arguments[1:]):
        raise SystemExit(f"{__doc__}\nnetworks: {', '.join(NETWORKS)}")
    prepare()
    folder = None if arguments[0] == "--check" else arguments[0]
    if folder is not None:
        os.makedirs(folder, exist_ok=True)
    failures = 0
    for name in arguments[1:] or NETWORKS:
        try:
            make(name, folder)
        except (Unfit, RuntimeError) as problem:
            failures += 1
            print(f"{name}: {problem}", file=sys.stderr, flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
