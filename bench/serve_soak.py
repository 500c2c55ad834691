#!/usr/bin/env python3
"""Asks a `btrm serve` of its own for a long time, as all kinds of clients do, and sees that nothing gives way. Standard library only.

  bench/serve_soak.py [--requests 100000] [--clients 16] [--btrm ./btrm] [--model DIR]

Requests are mixed: single texts, lists, best-of-N with a shared prompt, every interface, malformed bodies, clients that give up, clients
that send slowly. Every reward is compared to the bit with `btrm score`. Fails when a score is wrong, an answer has an unexpected status,
the log holds a stack trace, an answer takes longer than --patience seconds, or the process' memory grows by more than 5% between the first
tenth and the end. Then, under load, SIGTERM: every request whose answer had been begun or that was accepted must be answered, and the
server must end with exit code 0. Prints one JSON line.
"""
import argparse, http.client, json, os, random, re, signal, socket, struct, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = "rice river water sea hill cook take cup two the and from runs to boil no yes how do i".split()

def text(r, n): return " ".join(r.choice(WORDS) for _ in range(n))
def bits(x): return struct.pack("<f", x)
def head(body, more=b""):
    return b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + more + b"Content-Length: %d\r\n\r\n" % len(body)

def texts():
    r = random.Random(11)
    out = []
    for _ in range(12):
        prompt = text(r, r.randrange(1, 150))
        out.append([prompt + " " + text(r, r.randrange(1, 30)) for _ in range(8)])
    return out

class Soak:
    def __init__(self, a, work):
        self.a, self.families = a, texts()
        self.all = [t for family in self.families for t in family]
        rows = os.path.join(work, "rows.jsonl")
        # The texts' own tokens, which no interface adds anything to: the rewards of all of them are those of btrm score for the ids.
        self.lock, self.done, self.wrong, self.bad, self.given_up, self.refused, self.slowest = threading.Lock(), 0, 0, [], 0, 0, 0.0
        self.err = open(os.path.join(work, "serve.err"), "w+")
        self.process = subprocess.Popen([a.btrm, "serve", "--model", a.model, "--served-model-name", "rm", "--port", "0", "--device", "cpu",
                                         "--no-access-log", "--max-queue-tokens", "60000"],
                                        stdout=subprocess.PIPE, stderr=self.err, text=True)
        line = self.process.stdout.readline()
        self.port = int(re.search(r":(\d+)/", line).group(1))
        ids = [self.post("/tokenize", {"prompt": t, "add_special_tokens": False})["tokens"] for t in self.all]
        with open(rows, "w") as f: f.writelines(json.dumps({"input_ids": i}) + "\n" for i in ids)
        scored = os.path.join(work, "scored.jsonl")
        subprocess.run([a.btrm, "score", "--model", a.model, "--input", rows, "--output", scored, "--device", "cpu"],
                       check=True, stderr=subprocess.DEVNULL)
        with open(scored) as f: self.expected = {t: bits(json.loads(l)["reward"]) for t, l in zip(self.all, f)}
        self.ids = dict(zip(self.all, ids))

    def post(self, path, body):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.a.patience)
        c.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        r = c.getresponse(); answer = json.loads(r.read()); c.close()
        return answer

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as f: return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def one(self, r, c):
        kind = r.randrange(20)
        if kind == 0: return self.malformed(r, c)
        if kind == 1: return self.give_up(r)
        if kind == 2 and r.randrange(20) == 0: return self.slow(r)
        chosen = r.choice(self.families) if kind < 8 else [r.choice(self.all) for _ in range(r.choice([1, 1, 1, 2, 5]))]
        ids = [self.ids[t] for t in chosen]
        path, body, read = r.choice([
            ("/get_reward", {"query": chosen, "prompts": chosen, "labels": [None] * len(chosen)}, lambda d: d["rewards"]),
            ("/v1/score/evaluation", {"model": "m", "messages": chosen}, lambda d: d["scores"]),
            ("/classify", {"input_ids": ids}, lambda d: [x["embedding"][0] for x in d]),
            ("/v1/embeddings", {"input": ids}, lambda d: [x["embedding"][0] for x in d["data"]]),
            ("/classify", {"input": ids, "use_activation": False}, lambda d: [x["probs"][0] for x in d["data"]])])
        begin = time.time()
        c.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        response = c.getresponse(); data = response.read()
        self.slowest = max(self.slowest, time.time() - begin)
        if response.status == 429:
            self.refused += 1
            assert int(response.getheader("retry-after")) >= 1
            return
        if response.status != 200: return self.bad.append((path, response.status, data[:200]))
        for t, reward in zip(chosen, read(json.loads(data)), strict=True):
            if bits(reward) != self.expected[t]: self.wrong += 1

    def malformed(self, r, c):
        body = r.choice(['{"input": ', "[]", "", '{"input": 5}', '{"input": [[99999999]]}', '{"query": 1}', "\x00\x01",
                         '{"model": "other", "input": "x"}', '{"input": [1.5]}'])
        path = r.choice(["/classify", "/pooling", "/get_reward", "/v1/rewards", "/score", "/get_feedback", "/none", "/v1/score/evaluation"])
        c.request("POST", path, body, {"content-type": "application/json"})
        response = c.getresponse(); data = response.read()
        if response.status not in (400, 404, 422): self.bad.append((path, body, response.status, data[:200]))

    def give_up(self, r):
        with socket.create_connection(("127.0.0.1", self.port), timeout=self.a.patience) as s:
            body = json.dumps({"input": [self.ids[t] for t in r.choice(self.families)]}).encode()
            s.sendall(head(body) + body[:r.choice([len(body), len(body) // 2])])
            time.sleep(r.random() * 0.05)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.given_up += 1

    def slow(self, r):
        with socket.create_connection(("127.0.0.1", self.port), timeout=self.a.patience) as s:
            body = json.dumps({"input": self.ids[self.all[0]], "use_activation": False}).encode()
            s.sendall(head(body, b"Connection: close\r\n"))
            for i in range(0, len(body), 1 + len(body) // 20):
                s.sendall(body[i:i + 1 + len(body) // 20]); time.sleep(0.05)
            answer = b""
            while piece := s.recv(4096): answer += piece
        if b" 200 OK" in answer:
            if bits(json.loads(answer.split(b"\r\n\r\n", 1)[1])["data"][0]["probs"][0]) != self.expected[self.all[0]]: self.wrong += 1
        elif b" 429 " not in answer: self.bad.append(("slow", answer[:200]))

    def client(self, seed, stop):
        r = random.Random(seed); c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.a.patience)
        while True:
            with self.lock:
                if self.done >= stop: return
                self.done += 1
            try: self.one(r, c)
            except Exception as e:
                self.bad.append(("client", repr(e)))
                c.close(); c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.a.patience)
                if self.process.poll() is not None: return

    def run(self, stop, base):
        threads = [threading.Thread(target=self.client, args=(base + i, stop)) for i in range(self.a.clients)]
        for t in threads: t.start()
        for t in threads: t.join()

    def terminate(self):
        """SIGTERM with requests accepted: all of them are answered, with the right rewards."""
        answers, family = [], self.families[0]
        body = json.dumps({"input": [self.ids[t] for t in family] , "use_activation": False}).encode()
        sockets = [socket.create_connection(("127.0.0.1", self.port), timeout=self.a.patience) for _ in range(12)]
        for s in sockets: s.sendall(head(body) + body)
        flying = 0
        while flying < len(sockets):
            c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.a.patience)
            c.request("GET", "/metrics"); m = c.getresponse().read().decode(); c.close()
            flying = int(re.search(r"btrm_requests_in_flight (\d+)", m).group(1)) - 1
            if flying == 0: break
        self.process.send_signal(signal.SIGTERM)
        for s in sockets:
            data = begin = rest = b""
            while piece := s.recv(65536):
                data += piece
                begin, _, rest = data.partition(b"\r\n\r\n")
                if rest and len(rest) >= int(re.search(rb"(?i)content-length: (\d+)", begin).group(1)): break
            expected = [self.expected[t] for t in family]
            answers.append(b" 200 OK" in begin and [bits(d["probs"][0]) for d in json.loads(rest)["data"]] == expected)
            s.close()
        return sum(answers), len(sockets), self.process.wait(self.a.patience)

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--requests", type=int, default=100_000); p.add_argument("--clients", type=int, default=16)
    p.add_argument("--patience", type=float, default=300)
    p.add_argument("--btrm", default=os.path.join(HERE, "..", "btrm")); p.add_argument("--model", required=True)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as work:
        soak = Soak(a, work)
        try:
            begin = time.time()
            soak.run(a.requests // 10, 0); first = soak.memory()
            soak.run(a.requests, 1000); last = soak.memory()
            seconds = time.time() - begin
            answered, accepted, code = soak.terminate()
        finally:
            if soak.process.poll() is None: soak.process.kill()
        soak.err.seek(0); log = soak.err.read()
    row = dict(requests=soak.done, clients=a.clients, seconds=round(seconds, 1), wrong=soak.wrong, unexpected=len(soak.bad),
               refused_429=soak.refused, given_up=soak.given_up, slowest_answer=round(soak.slowest, 2),
               memory_first_kib=first, memory_last_kib=last, growth=round(last / first - 1, 4),
               sigterm_answered=f"{answered}/{accepted}", exit_code=code, stack_traces=log.count("   at "))
    print(json.dumps(row))
    for entry in soak.bad[:10]: print(entry, file=sys.stderr)
    ok = not soak.wrong and not soak.bad and answered == accepted and code == 0 and not row["stack_traces"] and row["growth"] <= 0.05
    return 0 if ok else 1
if __name__ == "__main__": sys.exit(main())
