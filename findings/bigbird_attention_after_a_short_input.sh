#!/usr/bin/env bash
# transformers 5.23: a BigBird with block-sparse attention that gets one input too short for blocks switches itself to
# full attention for good. The same long sequence then has other hidden states than in a freshly loaded model, so
# embeddings depend on what was embedded before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 transformers==5.23.0 2>/dev/null
"$folder/venv/bin/python" - <<'PY' 2>/dev/null
import torch, transformers
from transformers import BigBirdConfig, BigBirdModel

torch.manual_seed(0)
config = BigBirdConfig(vocab_size=32, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
                       max_position_embeddings=1024, block_size=16, num_random_blocks=1, attention_type="block_sparse", initializer_range=0.3)
fresh, used = BigBirdModel(config).eval(), BigBirdModel(config).eval()
used.load_state_dict(fresh.state_dict())
long, short = torch.randint(5, 32, (1, 512)), torch.randint(5, 32, (1, 20))
with torch.no_grad():
    used(short)  # all that the second one does before
    torch.manual_seed(1)
    first = fresh(long).last_hidden_state
    torch.manual_seed(1)
    second = used(long).last_hidden_state
distance = ((first - second).square().mean() / first.square().mean()).sqrt().item()
print(f"transformers {transformers.__version__}: attention_type after a short input: {used.attention_type}; "
      f"fresh: {fresh.attention_type}; hidden states of a long input differ by {distance:.1%} of their rms")
assert used.attention_type == "original_full" and fresh.attention_type == "block_sparse" and distance > 0.01
PY
