"""Gradients of one golden case of tests/golden/models in float64, for a tensor whose float32 gradient is a small difference of large terms.
Plain transformers; the adapter's product is added to the weights by hand, with rank_pattern, alpha_pattern and rsLoRA as in adapter_config.json.
hf-peer.sh make_models_float64.py CASE_FOLDER"""
import json, pathlib, re, sys, torch, torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification
case = pathlib.Path(sys.argv[1])
model = AutoModelForSequenceClassification.from_pretrained(case / "model", dtype=torch.float32, attn_implementation="eager").double().train()
c = json.loads((case / "adapter" / "adapter_config.json").read_text()); w = load_file(case / "adapter" / "adapter_model.safetensors")
def pattern(p, path, otherwise):
    for k, v in p.items():
        if re.match(rf"(.*\.)?({k})$", path): return v
    return otherwise
class Lora(torch.nn.Module):
    def __init__(self, base, path):
        super().__init__(); self.base = base
        self.A = torch.nn.Parameter(w[f"base_model.model.{path}.lora_A.weight"].double()); self.B = torch.nn.Parameter(w[f"base_model.model.{path}.lora_B.weight"].double())
        r, a = pattern(c["rank_pattern"], path, c["r"]), pattern(c["alpha_pattern"], path, c["lora_alpha"]); self.s = a / (r ** 0.5 if c["use_rslora"] else r)
    def forward(self, x): return self.base(x) + self.s * (x @ self.A.T) @ self.B.T
adapted = {}
for path, m in list(model.named_modules()):
    if f"base_model.model.{path}.lora_A.weight" in w:
        parent, name = path.rsplit(".", 1); adapted[path] = Lora(m, path); setattr(model.get_submodule(parent), name, adapted[path])
model.score.weight.data = w["base_model.model.score.weight"].double()
pairs = json.loads((case / "batch.json").read_text())["pairs"]
one = lambda s: model(input_ids=torch.tensor([s])).logits[0, 0]
ch = torch.stack([one(p["chosen"]) for p in pairs]); rj = torch.stack([one(p["rejected"]) for p in pairs]); d = ch - rj
(0.95 * -F.logsigmoid(0.5 * d) + 0.05 * -F.logsigmoid(-0.5 * d) + 0.1 * (ch * ch + rj * rj) + 0.01 * d * d).mean().backward()
g = {}
for path, m in adapted.items():
    g[f"base_model.model.{path}.lora_A.default.weight"], g[f"base_model.model.{path}.lora_B.default.weight"] = m.A.grad, m.B.grad
g["base_model.model.score.modules_to_save.default.weight"] = model.score.weight.grad
ref = load_file(case / "grads.safetensors")
for k in ref: print(k, f"{((ref[k].double() - g[k]).norm() / g[k].norm()).item():.1e}")
save_file({k: v.float().contiguous() for k, v in g.items() if ((ref[k].double() - g[k]).norm() / g[k].norm()).item() > 3e-5}, case / "grads.float64.safetensors")
