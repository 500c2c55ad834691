"""The training run of one golden case of tests/golden/models in float64, for a case whose float32 run strays itself: losses, gradient norms, final
rewards and norms into trajectory.float64.json. Plain transformers with every cast to float32 made one to float64; the adapter's product is added by hand.
hf-peer.sh make_models_trajectory_float64.py CASE_FOLDER"""
import json, pathlib, sys, torch, torch.nn.functional as F
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, get_cosine_schedule_with_warmup

plain_to, plain_softmax = torch.Tensor.to, F.softmax
wide = lambda x: torch.float64 if x is torch.float32 else x
def to(self, *args, **kwargs):
    if self.dtype is torch.float64: args, kwargs = [wide(a) for a in args], {k: wide(v) for k, v in kwargs.items()}
    return plain_to(self, *args, **kwargs)
case = pathlib.Path(sys.argv[1])
model = AutoModelForSequenceClassification.from_pretrained(case / "model", dtype=torch.float32, attn_implementation="eager").double()
for p in model.parameters(): p.requires_grad_(False)
torch.Tensor.to, torch.Tensor.float = to, lambda self: self.double() if self.is_floating_point() else plain_to(self, torch.float64)
F.softmax = torch.nn.functional.softmax = lambda x, dim=None, dtype=None, **k: plain_softmax(x, dim=dim, dtype=wide(dtype) if dtype else None)

c = json.loads((case / "adapter" / "adapter_config.json").read_text()); w = load_file(case / "adapter" / "adapter_model.safetensors")
class Lora(torch.nn.Module):
    def __init__(self, base, path):
        super().__init__(); self.base, self.s = base, c["lora_alpha"] / c["r"]
        self.A, self.B = (torch.nn.Parameter(w[f"base_model.model.{path}.lora_{x}.weight"].double()) for x in "AB")
    def forward(self, x): return self.base(x) + self.s * (x @ self.A.T) @ self.B.T
params = {}
for path, m in list(model.named_modules()):
    if f"base_model.model.{path}.lora_A.weight" in w:
        parent, name = path.rsplit(".", 1); lora = Lora(m, path); setattr(model.get_submodule(parent), name, lora)
        params[f"base_model.model.{path}.lora_A.default.weight"], params[f"base_model.model.{path}.lora_B.default.weight"] = lora.A, lora.B
model.score.weight = torch.nn.Parameter(w["base_model.model.score.weight"].double())
params["base_model.model.score.modules_to_save.default.weight"] = model.score.weight

t = json.loads((case / "trajectory.json").read_text()); batch, steps, data = t["batch_size"], t["steps"], t["pairs"]
one = lambda s: model(input_ids=torch.tensor([s])).logits[0, 0]
rewards = lambda pairs: [torch.stack([one(p[side]) for p in pairs]) for side in ("chosen", "rejected")]
opt = torch.optim.AdamW(list(params.values()), lr=t["lr"], betas=tuple(t["betas"]), eps=t["eps"], weight_decay=t["weight_decay"])
schedule, log = get_cosine_schedule_with_warmup(opt, t["warmup_steps"], steps), []
for s in range(steps):
    opt.zero_grad(); ch, rj = rewards([data[(s * batch + i) % len(data)] for i in range(batch)]); d = ch - rj
    assert ch.dtype is torch.float64
    eps, reg = t["label_smoothing"], t["score_regularization_lambda"]
    loss = ((1 - eps) * -F.logsigmoid(d) + eps * -F.logsigmoid(-d) + reg * (ch * ch + rj * rj)).mean(); loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(list(params.values()), t["max_grad_norm"])
    log.append(dict(loss=loss.item(), grad_norm=norm.item())); opt.step(); schedule.step()
    print(f"step {s}: loss {abs(t['log'][s]['loss'] / log[s]['loss'] - 1):.1e}, grad_norm {abs(t['log'][s]['grad_norm'] / log[s]['grad_norm'] - 1):.1e} off in float32")
with torch.no_grad(): ch, rj = rewards(json.loads((case / "batch.json").read_text())["pairs"])
(case / "trajectory.float64.json").write_text(json.dumps(dict(log=log, final_rewards_on_batch=dict(chosen=ch.tolist(), rejected=rj.tolist()),
    final_norms={n: p.detach().norm().item() for n, p in params.items()}), separators=(",", ":")))
