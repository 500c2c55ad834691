"""A reward function for verl that asks a running `btrm serve` (BTRM_URL) for the reward of a response. Standard library only."""
import json, os, urllib.request

URL = os.environ.get("BTRM_URL", "http://127.0.0.1:8000") + "/v1/rewards"


def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    body = json.dumps({"prompt": extra_info["prompt"], "candidates": [solution_str]}).encode()
    request = urllib.request.Request(URL, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        reward = json.load(answer)["rewards"][0]
    if reward is None:
        raise ValueError("the text has no reward: it does not fit the model, or is empty")
    return reward
