import json

import numpy as np
import pytest

from seqbench.core.types import Task
from seqbench.errors import ProbeError
from seqbench.probe.heads.registry import predict

RULES = {
    Task.CLASSIFICATION: lambda x: (x[:, :3] + 0.5).argmax(axis=1),
    Task.LABELS: lambda x: (x[:, :3] > 0.3).astype(np.int8),
    Task.REGRESSION: lambda x: 5 + 3 * x[:, :3],
}


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(("activation", "norm"), [("relu", "none"), ("silu", "layer")])
@pytest.mark.parametrize("task", RULES)
def test_a_kept_head_predicts_as_it_did(fit, make, task, activation, norm, standardize):
    splits = make(RULES[task], layers=2)
    chosen = {"activation": activation, "norm": norm, "standardize": standardize, "epochs": 5}
    for fitted in fit("mlp", task, 3, splits, **chosen):
        for split, data in (("eval", splits[1]), ("test", splits[2])):
            found = predict(fitted.state, data.features_LNH[fitted.layer_index])
            assert found.dtype == np.float32
            scale = np.abs(found).max()
            np.testing.assert_allclose(found, fitted.predictions[split], atol=1e-6 * max(1, scale))


def test_what_is_kept_are_plain_arrays_and_json(fit, make):
    (fitted,) = fit("mlp", Task.REGRESSION, 3, make(RULES[Task.REGRESSION]), norm="layer", epochs=1)
    shapes = {name: values.shape for name, values in fitted.state.tensors.items()}
    norms = {"scale_0": (32,), "shift_0": (32,), "scale_1": (16,), "shift_1": (16,)}
    scalings = {"feature_mean": (8,), "feature_sd": (8,), "target_mean": (3,), "target_sd": (3,)}
    maps = {"weight_0": (8, 32), "weight_1": (32, 16), "weight_2": (16, 3)}
    assert shapes == maps | {"bias_0": (32,), "bias_1": (16,), "bias_2": (3,)} | norms | scalings
    assert fitted.state.kind == "mlp"
    assert json.loads(json.dumps(fitted.state.facts)) == {
        "task": "regression",
        "activation": "relu",
        "norm": "layer",
        "widths": [8, 32, 16, 3],
    }


def test_no_items_give_no_predictions_and_a_wrong_width_is_refused(fit, make):
    (fitted,) = fit("mlp", Task.LABELS, 3, make(RULES[Task.LABELS]), epochs=1)
    assert predict(fitted.state, np.empty((0, 8), np.float32)).shape == (0, 3)
    with pytest.raises(ProbeError, match="the features are 9 wide, but the head was trained on 8"):
        predict(fitted.state, np.zeros((1, 9), np.float32))
