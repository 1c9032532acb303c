"""Sets a second of arc-state's own training step; run by the Python of an environment that has it.

Its loader is left out: batches come from memory, so that only network, loss and optimiser are timed.
"""

import json
import sys
import time

import torch
from state.tx.models.state_transition import StateTransitionPerturbationModel
from torch.utils.data import DataLoader, TensorDataset

sizes = json.loads(sys.argv[1])
torch.set_num_threads(sizes["threads"])
torch.manual_seed(0)
model = StateTransitionPerturbationModel(
    input_dim=sizes["genes"],
    hidden_dim=sizes["hidden"],
    output_dim=sizes["genes"],
    pert_dim=sizes["width"],
    gene_dim=sizes["genes"],
    output_space="gene",
    embed_key="X_hvg",
    cell_set_len=sizes["set"],
    n_encoder_layers=2,
    n_decoder_layers=2,
    loss="energy",
    distributional_loss="energy",
    transformer_backbone_key="llama",
    transformer_backbone_kwargs={
        "bidirectional_attention": True,
        "max_position_embeddings": sizes["set"],
        "hidden_size": sizes["hidden"],
        "intermediate_size": 4 * sizes["hidden"],
        "num_hidden_layers": sizes["blocks"],
        "num_attention_heads": sizes["heads"],
        "num_key_value_heads": sizes["heads"],
        "head_dim": sizes["hidden"] // sizes["heads"],
        "use_cache": False,
        "attention_dropout": 0.0,
        "hidden_dropout": 0.0,
        "layer_norm_eps": 1e-6,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "tie_word_embeddings": False,
        "rotary_dim": 0,
        "use_rotary_embeddings": False,
    },
)
model.log = lambda *args, **kwargs: None  # Lightning's, which wants a trainer
optimizer = model.configure_optimizers()
n_sets = 4 * sizes["sets"]
pool = TensorDataset(
    torch.rand(n_sets, sizes["set"], sizes["genes"]),
    torch.rand(n_sets, sizes["set"], sizes["genes"]),
    torch.rand(n_sets, 1, sizes["width"]).expand(-1, sizes["set"], -1),
)
loader = DataLoader(pool, batch_size=sizes["sets"], shuffle=True)
done, began = 0, time.perf_counter()
while done < sizes["steps"]:
    for controls, real, vectors in loader:
        batch = {
            "ctrl_cell_emb": controls.flatten(0, 1),
            "pert_cell_emb": real.flatten(0, 1),
            "pert_emb": vectors.flatten(0, 1),
        }
        optimizer.zero_grad()
        model.training_step(batch, done).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        done += 1
print(done * sizes["sets"] / (time.perf_counter() - began))
