-- The views for people. They are made anew whenever this file differs from the one that a catalog was made with.

CREATE OR REPLACE VIEW results AS
WITH wide AS (
    SELECT
        probe_id,
        split,
        max(n_items) AS n_items,
        max(value) FILTER (metric = 'accuracy') AS accuracy,
        max(value) FILTER (metric = 'balanced_accuracy') AS balanced_accuracy,
        max(value) FILTER (metric = 'roc_auc') AS roc_auc,
        max(value) FILTER (metric = 'auprc') AS auprc,
        max(value) FILTER (metric = 'precision') AS "precision",
        max(value) FILTER (metric = 'recall') AS recall,
        max(value) FILTER (metric = 'f1') AS f1,
        max(value) FILTER (metric = 'mcc') AS mcc,
        max(value) FILTER (metric = 'brier') AS brier,
        max(value) FILTER (metric = 'ece') AS ece,
        max(value) FILTER (metric = 'precision_micro') AS precision_micro,
        max(value) FILTER (metric = 'recall_micro') AS recall_micro,
        max(value) FILTER (metric = 'f1_micro') AS f1_micro,
        max(value) FILTER (metric = 'mse') AS mse,
        max(value) FILTER (metric = 'rmse') AS rmse,
        max(value) FILTER (metric = 'mcrmse') AS mcrmse,
        max(value) FILTER (metric = 'mae') AS mae,
        max(value) FILTER (metric = 'r2') AS r2,
        max(value) FILTER (metric = 'pearsonr') AS pearsonr,
        max(value) FILTER (metric = 'spearmanr') AS spearmanr,
        max(value) FILTER (metric = 'kendalltau') AS kendalltau
    FROM metrics
    GROUP BY probe_id, split
)
SELECT
    p.model, p.dataset, p.task, p.layer, p.head, p.seed, p.fold, p.folds, p.subset, p.repeat, p.control,
    w.split, w.n_items,
    w.* EXCLUDE (probe_id, split, n_items),
    p.variant, p.probe_id
FROM probes p
JOIN wide w USING (probe_id)
WHERE p.status = 'ok';
COMMENT ON VIEW results IS 'One row a probe and split, one column a metric; only probes that are ok';

-- What models are compared by: a cross-validation's folds as one, and nothing trained on a part of train.
CREATE OR REPLACE VIEW layer_scores AS
SELECT
    p.model, p.dataset, p.task, p.head, p.variant, p.layer, max(p.n_layers) AS n_layers, m.split, m.metric,
    avg(m.value) AS value,
    avg(m.low) AS low,
    avg(m.high) AS high,
    stddev_samp(m.value) AS std,
    count(m.value) AS n_probes
FROM probes p
JOIN metrics m USING (probe_id)
WHERE p.status = 'ok' AND p.control IS NULL AND p.subset IS NULL AND p.fold IS NULL
GROUP BY p.model, p.dataset, p.task, p.head, p.variant, p.layer, m.split, m.metric;
COMMENT ON VIEW layer_scores IS 'One row a layer, split and metric: the mean over seeds';

CREATE OR REPLACE VIEW best_layers AS
WITH scored AS (
    SELECT s.*, CASE WHEN n.higher_is_better THEN s.value ELSE -s.value END AS goodness
    FROM layer_scores s
    JOIN metric_names n USING (task, metric)
    WHERE s.value IS NOT NULL
),
ranked AS (
    SELECT *, row_number() OVER (
        PARTITION BY model, dataset, head, variant, split, metric ORDER BY goodness DESC, layer
    ) AS place
    FROM scored
)
SELECT
    chosen.model, chosen.dataset, chosen.task, chosen.head, chosen.variant, chosen.metric,
    chosen.layer,
    chosen.n_layers,
    chosen.value AS eval_score,
    test.value AS test_score,
    test.low AS test_low,
    test.high AS test_high,
    test.std AS test_std,
    test.n_probes,
    oracle.layer AS oracle_layer,
    oracle.value AS oracle_score,
    oracle.goodness - test.goodness AS gap
FROM ranked chosen
LEFT JOIN scored test
    ON test.split = 'test' AND test.layer = chosen.layer
    AND (test.model, test.dataset, test.head, test.variant, test.metric)
      = (chosen.model, chosen.dataset, chosen.head, chosen.variant, chosen.metric)
LEFT JOIN ranked oracle
    ON oracle.split = 'test' AND oracle.place = 1
    AND (oracle.model, oracle.dataset, oracle.head, oracle.variant, oracle.metric)
      = (chosen.model, chosen.dataset, chosen.head, chosen.variant, chosen.metric)
WHERE chosen.split = 'eval' AND chosen.place = 1;
COMMENT ON VIEW best_layers IS 'One row a metric: the layer chosen on eval, its score on test, and the oracle beside it';

CREATE OR REPLACE VIEW leaderboard AS
WITH best AS (
    SELECT
        b.*,
        CASE WHEN n.higher_is_better THEN b.eval_score ELSE -b.eval_score END AS eval_goodness,
        CASE WHEN n.higher_is_better THEN b.test_score ELSE -b.test_score END AS test_goodness
    FROM best_layers b
    JOIN metric_names n USING (task, metric)
    WHERE n.is_primary
    QUALIFY row_number() OVER (
        PARTITION BY b.model, b.dataset ORDER BY eval_goodness DESC, b.head, b.variant
    ) = 1
)
SELECT
    b.dataset, b.task, b.metric,
    CASE WHEN b.test_score IS NOT NULL
        THEN rank() OVER (PARTITION BY b.dataset, b.task ORDER BY b.test_goodness DESC NULLS LAST)
    END AS rank,
    b.model,
    coalesce(m.kind IN ('random-init', 'kmer', 'onehot'), false) AS control,
    b.head, b.variant, b.layer, b.n_layers, b.eval_score, b.test_score, b.test_low, b.test_high, b.test_std,
    b.n_probes, b.oracle_layer, b.oracle_score, b.gap
FROM best b
LEFT JOIN models m USING (model);
COMMENT ON VIEW leaderboard IS 'One row a model and data set: its best head by the primary metric, ranked on test';

-- A control is a variant of its own: its twin is the probe whose spec is the same but for the permuted labels.
CREATE OR REPLACE VIEW selectivity AS
WITH twins AS (
    SELECT *, CAST(json_merge_patch(spec, '{"shuffled": null, "chosen": null}') AS VARCHAR) AS rest
    FROM probes
    WHERE status = 'ok'
)
SELECT
    p.model, p.dataset, p.task, p.head, p.variant, p.layer, p.seed, p.folds, p.fold, p.subset, p.repeat,
    m.metric,
    m.value AS score,
    c.value AS control_score,
    CASE WHEN n.higher_is_better THEN m.value - c.value ELSE c.value - m.value END AS selectivity
FROM twins p
JOIN twins t
    ON t.model = p.model AND t.dataset = p.dataset AND t.head = p.head
    AND t.layer = p.layer AND t.seed = p.seed AND t.rest = p.rest
    AND t.folds IS NOT DISTINCT FROM p.folds AND t.fold IS NOT DISTINCT FROM p.fold
    AND t.subset IS NOT DISTINCT FROM p.subset AND t.repeat IS NOT DISTINCT FROM p.repeat
JOIN metrics m ON m.probe_id = p.probe_id AND m.split = 'test'
JOIN metrics c ON c.probe_id = t.probe_id AND c.split = 'test' AND c.metric = m.metric
JOIN metric_names n ON n.task = p.task AND n.metric = m.metric
WHERE p.control IS NULL AND t.control = 'shuffled-labels';
COMMENT ON VIEW selectivity IS 'One row a probe and metric: how much better it is on test than with shuffled labels';

CREATE OR REPLACE VIEW data_efficiency AS
WITH points AS (
    SELECT
        *,
        md5(CAST(json_merge_patch(
            spec,
            '{"subset": null, "repeat": null, "layer": null, "seed": null, "chosen": null}'
        ) AS VARCHAR)) AS curve
    FROM probes
    WHERE status = 'ok' AND control IS NULL AND folds IS NULL
    QUALIFY bool_or(subset IS NOT NULL) OVER (PARTITION BY model, dataset, head, curve)
)
SELECT
    p.model, p.dataset, p.task, p.head, p.curve, p.layer,
    coalesce(split_part(p.subset, ' ', 1), 'all') AS kind,
    p.subset,
    max(p.n_train) AS n_train,
    m.split, m.metric,
    avg(m.value) AS value,
    stddev_samp(m.value) AS std,
    count(m.value) AS n_probes
FROM points p
JOIN metrics m USING (probe_id)
GROUP BY p.model, p.dataset, p.task, p.head, p.curve, p.layer, p.subset, m.split, m.metric;
COMMENT ON VIEW data_efficiency IS 'One row a layer, part of train, split and metric: the mean over seeds and draws';
