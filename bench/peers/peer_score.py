#!/usr/bin/env python3
"""The reward model of bench/peers/serve.sh on PyTorch + transformers (+ PEFT where it is installed).

  peer_score.py make DIR [--dtype float32]
      a SequenceClassification checkpoint of SmolLM2-135M's shape with random weights, an adapter, and start.safetensors with both
  peer_score.py score DIR REQUESTS [--dtype float32]
      scores each request's candidates as one batch of 16; one JSON line: requests/s and rewards
"""
import argparse, json, os, sys, time
import torch, transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, LlamaConfig
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peer_train import LoraLinear, SHAPES, TARGETS

RANK, ALPHA = 4, 32

def make(a):
    torch.manual_seed(1)
    config = LlamaConfig(**SHAPES["smollm2-135m"][1], num_labels=1, pad_token_id=0, max_position_embeddings=2048)
    model = AutoModelForSequenceClassification.from_config(config).to(getattr(torch, a.dtype))
    with torch.no_grad(): model.score.weight.normal_(0, 0.2)
    model.save_pretrained(a.dir + "/model")
    factors = {}
    for name, module in model.named_modules():
        if name.split(".")[-1] in TARGETS:
            factors[f"base_model.model.{name}.lora_A.weight"] = torch.randn(RANK, module.in_features) / module.in_features ** 0.5
            factors[f"base_model.model.{name}.lora_B.weight"] = torch.randn(module.out_features, RANK) * 0.01
    # The same in one file, as peer_train.py --save-start writes it, for official/.
    start = {n.replace("base_model.model.", ""): v for n, v in factors.items()}
    start |= {n: v.detach().contiguous() for n, v in model.state_dict().items()}
    shape = dict(shape="smollm2-135m", dtype=a.dtype, **SHAPES["smollm2-135m"][1], rms_norm_eps=config.rms_norm_eps)
    save_file(start, a.dir + "/start.safetensors", metadata={"start": json.dumps(shape)})
    factors["base_model.model.score.weight"] = model.score.weight.detach().float().clone()
    os.makedirs(a.dir + "/adapter", exist_ok=True)
    save_file(factors, a.dir + "/adapter/adapter_model.safetensors", metadata={"format": "pt"})
    with open(a.dir + "/adapter/adapter_config.json", "w") as f:
        json.dump(dict(peft_type="LORA", task_type="SEQ_CLS", base_model_name_or_path=a.dir + "/model", r=RANK, lora_alpha=ALPHA,
                       lora_dropout=0.0, target_modules=TARGETS, modules_to_save=["classifier", "score"], bias="none", inference_mode=True,
                       fan_in_fan_out=False, use_rslora=False), f)

def load(a):
    model = AutoModelForSequenceClassification.from_pretrained(a.dir + "/model", dtype=getattr(torch, a.dtype))
    try:
        from peft import PeftModel
        return PeftModel.from_pretrained(model, a.dir + "/adapter").eval(), "peft"
    except ImportError:
        factors = load_file(a.dir + "/adapter/adapter_model.safetensors")
        for path, parent in list(model.named_modules()):
            for name, child in list(parent.named_children()):
                if name in TARGETS:
                    layer = LoraLinear(child, RANK, ALPHA)
                    with torch.no_grad():
                        layer.A.copy_(factors[f"base_model.model.{path}.{name}.lora_A.weight"])
                        layer.B.copy_(factors[f"base_model.model.{path}.{name}.lora_B.weight"])
                    setattr(parent, name, layer)
        return model.eval(), "inline"

def score(a):
    model, lora = load(a)
    with open(a.requests) as f: requests = [json.loads(line)["input"] for line in f]
    rewards = []
    with torch.inference_mode():
        model(input_ids=torch.tensor(requests[0][:2]))
        begin = time.time()
        for ids in requests:
            longest = max(map(len, ids))
            batch = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
            mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids])
            rewards.append(model(input_ids=batch, attention_mask=mask).logits[:, 0].float().tolist())
        seconds = time.time() - begin
    print(json.dumps(dict(peer=f"transformers {transformers.__version__}, torch {torch.__version__}, lora {lora}", dtype=a.dtype,
                          requests=len(requests), requests_per_second=round(len(requests) / seconds, 4), rewards=rewards)))

def main():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=["make", "score"]); p.add_argument("dir"); p.add_argument("requests", nargs="?")
    p.add_argument("--dtype", default="float32")
    a = p.parse_args()
    make(a) if a.what == "make" else score(a)
main()
