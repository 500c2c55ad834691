#!/usr/bin/env python3
"""What transformers makes of public config.json files: make_configs_golden.py FOLDER > tests/golden/configs/expected.jsonl

FOLDER has NAME.json files (configs.jsonl holds their names and contents). A line for each that transformers knows without code of the checkpoint and that is one of the families of docs/models.md: sizes,
biases and parameters of the model as it is built (on the meta device), the window of every layer, and the frequencies that its rotary embedding starts with.
"""
import json, os, pathlib, shutil, sys, tempfile, warnings
warnings.filterwarnings("ignore"); os.environ["HF_HUB_OFFLINE"] = "1"
import torch, transformers
from transformers import AutoConfig, AutoModel
transformers.logging.set_verbosity_error(); torch.set_num_threads(1)
FAMILIES = "qwen2 llama qwen3 mistral ministral ministral3 gemma gemma2 gemma3_text gemma3 phi3 smollm3 olmo2 olmo3 granite".split()

def window(layer, cfg, i):
    kinds = getattr(cfg, "layer_types", None)
    if kinds: return (cfg.sliding_window or 0) if kinds[i] == "sliding_attention" else 0
    return (cfg.sliding_window or 0) if cfg.model_type in ("mistral", "ministral3", "phi3") else 0

def rotations(rotary, cfg):
    """Frequencies and factor by kind of layer."""
    parts = {n[:-len("_inv_freq")]: n for n, _ in rotary.named_buffers() if n.endswith("_inv_freq") and not n.endswith("original_inv_freq")}
    if parts: return {k: dict(inv_freq=getattr(rotary, n).tolist(), factor=getattr(rotary, k + "_attention_scaling")) for k, n in parts.items()}
    return {"": dict(inv_freq=rotary.inv_freq.tolist(), factor=rotary.attention_scaling)}

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    given = json.loads(path.read_text())
    if given.get("model_type") not in FAMILIES: continue
    with tempfile.TemporaryDirectory() as d:
        shutil.copy(path, pathlib.Path(d) / "config.json")
        try:
            cfg = AutoConfig.from_pretrained(d).get_text_config()
            with torch.device("meta"): m = AutoModel.from_config(cfg)
        except Exception as x:
            print(path.name, type(x).__name__, str(x).splitlines()[:1], file=sys.stderr); continue
    a = m.layers[0].self_attn; mlp = m.layers[0].mlp
    qkv = getattr(a, "q_proj", None) or a.qkv_proj; up = getattr(mlp, "up_proj", None) or mlp.gate_up_proj
    print(json.dumps(dict(
        name=path.stem, layers=len(m.layers), hidden=m.embed_tokens.weight.shape[1], vocabulary=m.embed_tokens.weight.shape[0], heads=cfg.num_attention_heads,
        kv_heads=cfg.num_key_value_heads, head_dim=a.head_dim, intermediate=mlp.down_proj.weight.shape[1], eps=cfg.rms_norm_eps, qkv_bias=qkv.bias is not None,
        output_bias=a.o_proj.bias is not None, mlp_bias=up.bias is not None, scale=a.scaling, softcap=getattr(a, "attn_logit_softcapping", None) or 0,
        parameters=sum(p.numel() for p in m.parameters()), windows=[window(l, cfg, i) for i, l in enumerate(m.layers)],
        rotations=rotations(type(m.rotary_emb)(cfg), cfg))), flush=True)
