"""The reference system's training of an MLP, written from its description.

Shape letters: N items, H width, K outputs.
"""

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from seqbench.probe.heads.base import Fit, HeadData
from seqbench.probe.heads.mlp.head import reference_widths

BATCH, LEARNING_RATE, DROPOUT = 64, 1e-4, 0.2


def reference_training(fit: Fit, epochs: int) -> tuple[float, list[NDArray[np.float32]]]:
    """One network a layer, one after the other: DataLoader, batches of 64, Adam, the last epoch's weights.

    The reference starts a process for each layer, which here it need not: it is that much faster. Dropout
    stays on, which the reference turns off after its first epoch by mistake. Features are standardised on
    train, as seqbench does.

    Returns:
        Seconds, and of each layer the probability of class 1 on test, (N,).
    """
    began, found = time.perf_counter(), []
    for layer in range(len(fit.train.features_LNH)):
        found.append(_train(fit, layer, epochs))
    return time.perf_counter() - began, found


def _train(fit: Fit, layer: int, epochs: int) -> NDArray[np.float32]:
    torch.manual_seed(fit.seed)
    features_NH = fit.train.features_LNH[layer]
    mean, sd = features_NH.mean(axis=0), features_NH.std(axis=0) + 1e-12
    scaled = {
        name: torch.from_numpy((data.features_LNH[layer] - mean) / sd)
        for name, data in (("train", fit.train), ("eval", fit.evaluation), ("test", fit.test))
    }
    model = _network(features_NH.shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    loss = nn.CrossEntropyLoss()
    loader = _loader(scaled["train"], fit.train, shuffle=True)
    evaluation = _loader(scaled["eval"], fit.evaluation, shuffle=False)
    for _ in range(epochs):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            sum(float(loss(model(x), y)) for x, y in evaluation)
    with torch.no_grad():
        return model(scaled["test"]).softmax(dim=1)[:, 1].numpy()


def _network(width: int) -> nn.Sequential:
    modules: list[nn.Module] = []
    for hidden in reference_widths(width):
        modules += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(DROPOUT)]
        width = hidden
    return nn.Sequential(*modules, nn.Linear(width, 2))


def _loader(features_NH: torch.Tensor, data: HeadData, *, shuffle: bool) -> DataLoader:
    dataset = TensorDataset(features_NH, torch.from_numpy(data.targets))
    return DataLoader(dataset, batch_size=BATCH, shuffle=shuffle)
