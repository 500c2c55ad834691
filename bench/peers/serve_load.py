#!/usr/bin/env python3
"""Asks a reward server for what a file of requests holds and measures it. Standard library only.

  serve_load.py URL REQUESTS [--concurrency N] [--repeat K] [--rewards FILE]

REQUESTS: a JSON line each, the body of POST /classify without use_activation. Prints one JSON line: requests/s, texts/s, tokens/s, latency
quantiles in seconds, the server's largest queue in tokens, and the largest relative difference from the rewards in FILE (of peer_score.py).
"""
import argparse, http.client, json, threading, time, urllib.parse, urllib.request

def main():
    p = argparse.ArgumentParser()
    p.add_argument("url"); p.add_argument("requests"); p.add_argument("--concurrency", type=int, default=4)
    p.add_argument("--repeat", type=int, default=1); p.add_argument("--rewards")
    a = p.parse_args()
    base = urllib.parse.urlsplit(a.url)
    with open(a.requests) as f: inputs = [json.loads(line)["input"] for line in f]
    # A text that was asked for before is computed again: only what waits together is shared.
    work = [(i, json.dumps({"input": ids, "use_activation": False}).encode()) for _ in range(a.repeat) for i, ids in enumerate(inputs)]
    lock, taken, latencies, answers, failed = threading.Lock(), iter(work), [], {}, []

    def client():
        connection = http.client.HTTPConnection(base.hostname, base.port, timeout=600)
        while True:
            with lock: item = next(taken, None)
            if item is None: break
            begin = time.time()
            connection.request("POST", "/classify", item[1], {"content-type": "application/json"})
            response = connection.getresponse(); body = response.read()
            with lock:
                latencies.append(time.time() - begin)
                if response.status != 200: failed.append(response.status)
                else: answers[item[0]] = [d["probs"][0] for d in json.loads(body)["data"]]
    threads = [threading.Thread(target=client) for _ in range(a.concurrency)]
    begin = time.time()
    for t in threads: t.start()
    for t in threads: t.join()
    seconds = time.time() - begin
    latencies.sort()
    metrics = urllib.request.urlopen(a.url + "/metrics").read().decode().split("\n")
    figure = lambda name: next(float(l.split()[1]) for l in metrics if l.startswith(name + " "))
    tokens = sum(len(ids) for body in inputs for ids in body) * a.repeat
    row = dict(concurrency=a.concurrency, requests=len(work), failed=len(failed), requests_per_second=round(len(work) / seconds, 4),
               texts_per_second=round(sum(map(len, inputs)) * a.repeat / seconds, 3), tokens_per_second=round(tokens / seconds, 1),
               p50=round(latencies[len(latencies) // 2], 3), p99=round(latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)], 3),
               largest_queue_tokens=int(figure("btrm_queue_tokens_largest")))
    if a.rewards:
        with open(a.rewards) as f: expected = json.load(f)["rewards"]
        pairs = [pair for i, got in answers.items() if i < len(expected) for pair in zip(expected[i], got)]
        row["max_relative_difference"] = max(abs(x - y) / max(abs(x), 1e-3) for x, y in pairs)
    print(json.dumps(row))
main()
