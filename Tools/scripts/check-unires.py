#!/usr/bin/env python3
"""Holds what `irexport unires` writes to ONNX's checker, ONNX Runtime, and diffusers with the same weights.

usage: check-unires.py IREXPORT ORACLES
ORACLES is shared/oracles/unires. Small networks are saved as diffusers' folders (whole, in half precision and in parts, in
PyTorch's format), as one file of CompVis' names, with four input channels and with LoRA files; each is frozen, and the files'
outputs may differ from diffusers' by 1e-5 of their range, in half precision by 2e-3.
Needs torch, diffusers, safetensors, onnx and onnxruntime.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from safetensors.torch import load_file, save_file

torch.set_grad_enabled(False)
PROMPTS = 5
SCHEDULER = {"_class_name": "DDIMScheduler", "_diffusers_version": "0.42.1", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
             "clip_sample": False, "num_train_timesteps": 1000, "prediction_type": "epsilon", "set_alpha_to_one": False, "steps_offset": 1, "trained_betas": None}


def read(oracles, name):
    folder = f"{oracles}/{name}"
    with open(f"{folder}/config.json", encoding="utf-8") as file:
        return json.load(file), load_file(f"{folder}/weights.safetensors"), load_file(f"{folder}/io.safetensors")


def text_weights(weights, rows):
    """The oracle's table holds the prompts' tokens alone: here it has all, and the prefix that real files carry."""
    table = torch.zeros(49408, 48)
    table[torch.tensor(rows)] = weights["embeddings.token_embedding.weight"]
    return {f"text_model.{k}": v.contiguous() for k, v in (weights | {"embeddings.token_embedding.weight": table}).items()}


# --- names of CompVis' code

RESIDUAL = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
            "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}


def compvis_unet(name, levels=4, blocks=2):
    stride = blocks + 1
    for ours, theirs in (("conv_in", "input_blocks.0.0"), ("conv_out", "out.2"), ("conv_norm_out", "out.0"),
                         ("time_embedding.linear_1", "time_embed.0"), ("time_embedding.linear_2", "time_embed.2")):
        if name.startswith(ours + "."):
            return theirs + name[len(ours):]
    block, rest = re.match(r"(down_blocks\.\d+|up_blocks\.\d+|mid_block)\.(.*)", name).groups()
    kind, index, rest = re.match(r"(\w+)\.(\d+)\.(.*)", rest).groups()
    index, level = int(index), int(block.rsplit(".", 1)[-1]) if "." in block else 0
    if kind == "resnets":
        part, end = rest.split(".", 1)
        rest = f"{RESIDUAL[part]}.{end}"
    if block == "mid_block":
        return f"middle_block.{1 if kind == 'attentions' else 2 * index}.{rest}"
    if kind == "downsamplers":
        return f"input_blocks.{stride * (level + 1)}.0.op.{rest.split('.', 1)[1]}"
    if kind == "upsamplers":
        return f"output_blocks.{stride * level + stride - 1}.{1 if level == 0 else 2}.{rest}"
    place = 0 if kind == "resnets" else 1
    if block.startswith("down"):
        return f"input_blocks.{1 + stride * level + index}.{place}.{rest}"
    return f"output_blocks.{stride * level + index}.{place}.{rest}"


def compvis_vae(name, value, levels=4):
    name = name.replace("mid_block.attentions.0.", "mid.attn_1.")
    if "attn_1" in name:
        for ours, theirs in (("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")):
            name = name.replace(f"attn_1.{ours}.", f"attn_1.{theirs}.")
        if value.dim() == 2:
            value = value[:, :, None, None]
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets", lambda m: f"up.{levels - 1 - int(m[1])}.block", name)
    name = re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", name)
    return name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out"), value


def open_clip(text):
    """OpenCLIP's names: queries, keys and values in one, and a last layer that Stable Diffusion 2 does not use."""
    text = {k.removeprefix("text_model."): v for k, v in text.items()}
    text |= {k.replace("layers.2.", "layers.3."): v + 1 for k, v in text.items() if ".layers.2." in k}
    result = {"token_embedding.weight": text["embeddings.token_embedding.weight"], "positional_embedding": text["embeddings.position_embedding.weight"],
              "text_projection": torch.eye(48), "logit_scale": torch.tensor(4.6)}
    for name, value in text.items():
        if name.startswith("final_layer_norm."):
            result[name.replace("final_layer_norm", "ln_final")] = value
        elif ".self_attn.q_proj." in name:
            parts = [text[name.replace("q_proj", part)] for part in ("q_proj", "k_proj", "v_proj")]
            own = name.replace(".self_attn.q_proj.", ".attn.in_proj_").replace("encoder.layers", "transformer.resblocks")
            result[own] = torch.cat(parts)
        elif name.startswith("encoder.layers.") and "k_proj" not in name and "v_proj" not in name:
            for ours, theirs in (("encoder.layers", "transformer.resblocks"), ("layer_norm", "ln_"), ("self_attn", "attn"), ("fc1", "c_fc"), ("fc2", "c_proj")):
                name = name.replace(ours, theirs)
            result[name] = value
    return {f"cond_stage_model.model.{k}": v for k, v in result.items()}


def one_file(unet, vae, text, configs):
    """All parts under CompVis' names, of which diffusers' own converter makes its names again."""
    result = {f"model.diffusion_model.{compvis_unet(k)}": v for k, v in unet.items()}
    back = convert_ldm_unet_checkpoint(dict(result), configs[0])
    assert back.keys() == unet.keys() and all(torch.equal(back[k], unet[k]) for k in unet)
    first = dict(compvis_vae(k, v) for k, v in vae.items())
    first = {f"first_stage_model.{k}": v for k, v in first.items()}
    back = convert_ldm_vae_checkpoint(dict(first), configs[1])
    assert back.keys() == vae.keys() and all(torch.equal(back[k].reshape(vae[k].shape), vae[k]) for k in vae)
    texts = open_clip(text) if configs[2]["hidden_act"] == "gelu" else {f"cond_stage_model.transformer.{k}": v for k, v in text.items()}
    result |= first | texts
    return result | {"model_ema.decay": torch.tensor(0.9999), "betas": torch.linspace(0, 1, 1000)}


# --- files

def write_json(path, value):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)


def save_part(folder, base, weights, form):
    os.makedirs(folder, exist_ok=True)
    weights = {k: v.contiguous() for k, v in weights.items()}
    if form == "bin":
        torch.save(weights, f"{folder}/{'pytorch_model' if base == 'model' else base}.bin")
    elif form == "sharded":
        names = sorted(weights)
        places = {}
        for index, part in enumerate((names[::2], names[1::2])):
            file = f"{base}-{index + 1:05}-of-00002.safetensors"
            save_file({k: weights[k] for k in part}, f"{folder}/{file}")
            places |= dict.fromkeys(part, file)
        write_json(f"{folder}/{base}.safetensors.index.json", {"metadata": {"total_size": 1}, "weight_map": places})
    else:
        save_file(weights, f"{folder}/{base}.safetensors")


def save_folder(folder, unet, vae, text, configs, form):
    for part, base, weights, config in (("unet", "diffusion_pytorch_model", unet, configs[0]), ("vae", "diffusion_pytorch_model", vae, configs[1]),
                                        ("text_encoder", "model", text, configs[2])):
        save_part(f"{folder}/{part}", base, weights, form)
        write_json(f"{folder}/{part}/config.json", config)
    write_json(f"{folder}/scheduler/scheduler_config.json", SCHEDULER)
    write_json(f"{folder}/tokenizer/tokenizer_config.json", {"pad_token": "<|endoftext|>"})
    write_json(f"{folder}/model_index.json", {"_class_name": "StableDiffusionPipeline"})


# --- comparing

def session(folder, part):
    path = f"{folder}/{part}/model.onnx"
    onnx.checker.check_model(path, full_check=True)
    return ort.InferenceSession(path, providers=["CPUExecutionProvider"])


def difference(found, expected):
    expected = expected.numpy()
    return float(np.abs(found - expected).max() / max(expected.max() - expected.min(), 1e-6))


def compare(folder, unet_model, vae_model, context, io):
    """The largest difference of the frozen parts from diffusers', with the same weights in float32."""
    worst = {"unet": 0.0, "encoder": 0.0, "decoder": 0.0}
    unet = session(folder, "unet")
    random = torch.Generator().manual_seed(1)
    for shape, steps, prompts in (((2, 8, 16, 24), [981, 1], [0, 3]), ((1, 8, 8, 8), [501], [4]), ((3, 8, 10, 13), [261, 261, 261], [1, 2, 0])):
        sample = torch.randn(shape, generator=random)
        expected = unet_model(sample[:, :unet_model.config.in_channels], torch.tensor(steps), context[prompts]).sample
        found = unet.run(["out_sample"], {"sample": sample.numpy(), "timestep": np.array(steps, np.float32), "prompt": np.array(prompts, np.int64)})[0]
        worst["unet"] = max(worst["unet"], difference(found, expected))
    encoder, decoder = session(folder, "vae_encoder"), session(folder, "vae_decoder")
    for case in "ab":
        image, latent = 2 * io[f"{case}.image"] - 1, io[f"{case}.latent"]
        mean = vae_model.encode(image).latent_dist.mean
        worst["encoder"] = max(worst["encoder"], difference(encoder.run(["latent_sample"], {"sample": image.numpy()})[0], mean))
        decoded = vae_model.decode(latent).sample
        worst["decoder"] = max(worst["decoder"], difference(decoder.run(["sample"], {"latent_sample": latent.numpy()})[0], decoded))
    return worst


def models(unet, vae, configs):
    result = UNet2DConditionModel.from_config(configs[0]).eval(), AutoencoderKL.from_config(configs[1]).eval()
    for model, weights in zip(result, (unet, vae)):
        model.load_state_dict({k: v.float() for k, v in weights.items()})
    return result


def lora(unet, form, random):
    """A change of some maps in one of the spellings, and the weights with 0.8 of it."""
    file, changed = {}, dict(unet)
    for name in ("down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", "mid_block.attentions.0.transformer_blocks.0.attn2.to_v",
                 "up_blocks.3.attentions.2.transformer_blocks.0.ff.net.0.proj", "down_blocks.1.resnets.0.conv1"):
        weight = unet[name + ".weight"].float()
        down = torch.randn((3, *weight.shape[1:]), generator=random) * 0.1
        up = torch.randn((weight.shape[0], 3, *([1] * (weight.dim() - 2))), generator=random) * 0.1
        flat = "lora_unet_" + name.replace(".", "_") if form == "kohya" else "unet." + name
        ends = ("lora_down", "lora_up") if form == "kohya" else ("lora_A", "lora_B")
        file |= {f"{flat}.{ends[0]}.weight": down, f"{flat}.{ends[1]}.weight": up}
        scale = 0.8
        if form == "kohya":
            file[f"{flat}.alpha"] = torch.tensor(1.5)
            scale *= 1.5 / 3
        changed[name + ".weight"] = weight + scale * (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)
    return file, changed


def main():
    irexport, oracles = sys.argv[1:]
    ort.set_default_logger_severity(3)
    vae_config, vae, io = read(oracles, "vae")
    text_config, text, text_io = read(oracles, "clip-text")
    text = text_weights(text, text_config["token_of_row"])
    context = text_io["quick_gelu"]
    assert context.shape[0] == PROMPTS
    text_settings = {"vocab_size": 49408, "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
                     "hidden_act": "quick_gelu", "model_type": "clip_text_model", "architectures": ["CLIPTextModel"]}
    random = torch.Generator().manual_seed(9)
    failures = 0
    for kind in ("sd1", "sd2"):
        unet_config, unet, _ = read(oracles, f"unet-{kind}")
        configs = [unet_config, vae_config, text_settings]
        for form in ("safetensors", "half", "sharded", "bin", "file", "ckpt", "four channels", "kohya", "peft", "f16-weights", "openclip"):
            if kind == "sd2" and form not in ("safetensors", "sharded", "ckpt", "openclip") or kind == "sd1" and form == "openclip":
                continue
            with tempfile.TemporaryDirectory() as folder:
                u, v, c, options, tolerance, embeddings = dict(unet), vae, list(configs), [], 1e-5, context
                expected = u
                if form == "half":
                    u, v = {k: x.half() for k, x in u.items()}, {k: x.bfloat16() for k, x in v.items()}
                    expected = u
                if form == "four channels":
                    u["conv_in.weight"] = u["conv_in.weight"][:, :4]
                    c[0] = unet_config | {"in_channels": 4}
                    expected = u
                if form in ("kohya", "peft"):
                    file, expected = lora(u, form, random)
                    save_file(file, f"{folder}/lora.safetensors")
                    options += ["--lora", f"{folder}/lora.safetensors:0.8"]
                if form == "f16-weights":
                    options, tolerance = ["--f16-weights", "--external"], 2e-3
                source = f"{folder}/model"
                if form == "openclip":
                    c[2], embeddings = text_settings | {"hidden_act": "gelu"}, text_io["gelu_zero_padded"]
                    options += ["--prediction", "epsilon"]
                if form in ("file", "ckpt", "openclip"):
                    tensors = one_file(u, v, text, c)
                    source += ".ckpt" if form == "ckpt" else ".safetensors"
                    if form == "ckpt":
                        torch.save({"state_dict": tensors, "global_step": 3}, source)
                    else:
                        save_file({k: x.contiguous() for k, x in tensors.items()}, source)
                    write_json(f"{folder}/settings/all.json", {"unet": c[0], "vae": c[1], "text_encoder": c[2]})
                    options += ["--config", f"{folder}/settings/all.json"]
                else:
                    save_folder(source, u, v, text, c, form)
                command = [irexport, "unires", "--weights", source, "-o", f"{folder}/out", "--verify", "1", *options]
                result = subprocess.run(command, capture_output=True, text=True)
                if result.returncode != 0:
                    sys.exit(f"check-unires: {kind} {form}: {result.stdout}{result.stderr}")
                worst = compare(f"{folder}/out", *models(expected, v, c), embeddings, io)
                print(f"{kind}, {form}: " + ", ".join(f"{part} {value:.1e}" for part, value in worst.items()) + " of the range")
                failures += max(worst.values()) > tolerance
    if failures:
        sys.exit(f"check-unires: {failures} of the models differ")


main()
