#!/usr/bin/env bash
# Asks a running `btrm serve` for rewards in the words of every interface.   examples/serving/curl.sh [URL]
set -euo pipefail
url=${1:-http://127.0.0.1:8000}
post() { echo "POST $1"; curl -sS --fail-with-body "$url$1" -H 'content-type: application/json' -d "$2"; echo; }
get() { echo "GET $1"; curl -sS --fail-with-body "$url$1"; echo; }
get /health
get /v1/models
post /v1/rewards '{"prompt": "How do I cook rice?", "candidates": ["Take a cup of rice and two cups of water.", "No."]}'
post /v1/rewards '{"rows": [{"text": "The river runs from the hills to the sea."}]}'
post /classify '{"input": "The river runs from the hills to the sea.", "use_activation": false}'
post /pooling '{"input": [[5, 6, 7], [8, 9]], "use_activation": false}'
post /score '{"queries": "How do I cook rice?", "documents": ["Take a cup of rice.", "The sea is blue."], "use_activation": false}'
post /rerank '{"query": "How do I cook rice?", "documents": ["Boil water.", "Take a cup of rice."], "top_n": 1}'
post /classify '{"text": ["The river runs from the hills to the sea."]}'
post /v1/embeddings '{"input": "The river runs from the hills to the sea."}'
post /v1/score/evaluation '{"model": "rm", "messages": ["The river runs from the hills to the sea."]}'
post /get_reward '{"query": ["The river runs from the hills to the sea."], "prompts": ["The river"], "labels": [null]}'
