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
        max(value) FILTER (metric = 'kendalltau') AS kendalltau,
        max(value) FILTER (metric = 'pearson_delta') AS pearson_delta,
        max(value) FILTER (metric = 'weighted_mse') AS weighted_mse,
        max(value) FILTER (metric = 'weighted_r2') AS weighted_r2,
        max(value) FILTER (metric = 'discrimination_l1') AS discrimination_l1,
        max(value) FILTER (metric = 'discrimination_l2') AS discrimination_l2,
        max(value) FILTER (metric = 'discrimination_cosine') AS discrimination_cosine,
        max(value) FILTER (metric = 'energy_distance') AS energy_distance,
        max(value) FILTER (metric = 'de_overlap') AS de_overlap,
        max(value) FILTER (metric = 'direction') AS direction,
        max(value) FILTER (metric = 'accuracy_per_sequence') AS accuracy_per_sequence,
        max(value) FILTER (metric = 'segment_f1') AS segment_f1,
        max(value) FILTER (metric = 'rmse_per_sequence') AS rmse_per_sequence,
        max(value) FILTER (metric = 'pearsonr_per_sequence') AS pearsonr_per_sequence
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
    CASE WHEN count(m.low) = count(m.value) THEN avg(m.low) END AS low,
    CASE WHEN count(m.high) = count(m.value) THEN avg(m.high) END AS high,
    stddev_samp(m.value) AS std,
    count(m.value) AS n_probes
FROM probes p
JOIN metrics m USING (probe_id)
WHERE p.status = 'ok' AND p.control IS NULL AND p.subset IS NULL AND p.fold IS NULL
GROUP BY p.model, p.dataset, p.task, p.head, p.variant, p.layer, m.split, m.metric;
COMMENT ON VIEW layer_scores IS 'One row a layer, split and metric: the mean over seeds';

-- Eval and test side by side, so that one pass over the metrics suffices. What is joined after grouping costs
-- nothing there: metric_names first makes DuckDB join a million rows on two columns.
CREATE OR REPLACE VIEW best_layers AS
WITH layers AS (
    SELECT
        p.model, p.dataset, p.task, p.head, p.variant, m.metric, p.layer,
        max(p.n_layers) AS n_layers,
        avg(m.value) FILTER (m.split = 'eval') AS eval_score,
        avg(m.value) FILTER (m.split = 'test') AS test_score,
        CASE WHEN count(m.value) FILTER (m.split = 'test' AND m.low IS NULL) = 0
            THEN avg(m.low) FILTER (m.split = 'test') END AS test_low,
        CASE WHEN count(m.value) FILTER (m.split = 'test' AND m.high IS NULL) = 0
            THEN avg(m.high) FILTER (m.split = 'test') END AS test_high,
        stddev_samp(m.value) FILTER (m.split = 'test') AS test_std,
        nullif(count(m.value) FILTER (m.split = 'test'), 0) AS n_probes
    FROM probes p
    JOIN metrics m USING (probe_id)
    WHERE p.status = 'ok' AND p.control IS NULL AND p.subset IS NULL AND p.fold IS NULL
    GROUP BY p.model, p.dataset, p.task, p.head, p.variant, m.metric, p.layer
),
judged AS (
    SELECT
        l.*,
        CASE WHEN n.higher_is_better THEN eval_score ELSE -eval_score END AS eval_goodness,
        CASE WHEN n.higher_is_better THEN test_score ELSE -test_score END AS test_goodness
    FROM layers l
    JOIN metric_names n USING (task, metric)
),
chosen AS (
    SELECT
        model, dataset, task, head, variant, metric,
        arg_max(judged, {'goodness': eval_goodness, 'layer': -layer}) FILTER (eval_score IS NOT NULL) AS best,
        arg_max(judged, {'goodness': test_goodness, 'layer': -layer}) FILTER (test_score IS NOT NULL) AS oracle
    FROM judged
    GROUP BY model, dataset, task, head, variant, metric
)
SELECT
    model, dataset, task, head, variant, metric,
    best.layer AS layer, best.n_layers AS n_layers, best.eval_score AS eval_score,
    best.test_score AS test_score, best.test_low AS test_low, best.test_high AS test_high,
    best.test_std AS test_std, best.n_probes AS n_probes,
    oracle.layer AS oracle_layer,
    oracle.test_score AS oracle_score,
    oracle.test_goodness - best.test_goodness AS gap
FROM chosen
WHERE best IS NOT NULL;
COMMENT ON VIEW best_layers IS 'One row a metric: the layer chosen on eval, its score on test, and the oracle beside it';

-- Only what is still so: both sides are what the leaderboard by this metric shows, with all seeds that it
-- averages. Holm: the k-th smallest of n values of p is multiplied by n + 1 - k, and never below the one before.
CREATE OR REPLACE VIEW comparisons AS
WITH sides AS (
    SELECT
        key, dataset, metric,
        unnest([
            {'model': model_a, 'head': head_a, 'variant': variant_a, 'layer': layer_a, 'probes': probes_a},
            {'model': model_b, 'head': head_b, 'variant': variant_b, 'layer': layer_b, 'probes': probes_b}
        ], recursive := true)
    FROM paired_comparisons
    WHERE kind = 'models'
),
leaders AS (
    SELECT b.*, CASE WHEN b.head IN ('lora', 'full') THEN b.head ELSE 'frozen' END AS way
    FROM best_layers b
    JOIN metric_names n USING (task, metric)
    QUALIFY row_number() OVER (
        PARTITION BY b.model, b.dataset, b.metric, way
        ORDER BY CASE WHEN n.higher_is_better THEN b.eval_score ELSE -b.eval_score END DESC, b.head, b.variant
    ) = 1
),
averaged AS (
    SELECT model, dataset, head, variant, layer, list_sort(list(probe_id)) AS probes
    FROM probes
    WHERE status = 'ok' AND control IS NULL AND subset IS NULL AND fold IS NULL
    GROUP BY ALL
),
standing AS (
    SELECT s.key, l.metric, l.task, l.way
    FROM sides s
    JOIN leaders l USING (model, dataset, head, variant, layer, metric)
    JOIN averaged USING (model, dataset, head, variant, layer, probes)
    GROUP BY ALL
    HAVING count(*) = 2
),
current AS (
    SELECT c.* EXCLUDE (metric), s.metric, s.task, s.way
    FROM paired_comparisons c
    JOIN standing s USING (key)
    QUALIFY row_number() OVER (
        PARTITION BY dataset, s.metric, s.way, least(model_a, model_b), greatest(model_a, model_b)
        ORDER BY n_resamples DESC, recorded_at DESC, key
    ) = 1
),
stepped AS (
    SELECT
        *,
        p * (
            count(p) OVER (PARTITION BY dataset, task, metric, way) + 1
            - row_number() OVER (PARTITION BY dataset, task, metric, way ORDER BY p NULLS LAST, key)
        ) AS step
    FROM current
)
SELECT
    dataset, task, metric, way, model_a, head_a, layer_a, model_b, head_b, layer_b,
    n_items, difference, low, high, p,
    CASE WHEN p IS NOT NULL THEN least(1, max(step) OVER (
        PARTITION BY dataset, task, metric, way ORDER BY p NULLS LAST, key ROWS UNBOUNDED PRECEDING
    )) END AS p_holm,
    p_holm < 0.05 AS is_clear,
    variant_a, variant_b, n_resamples, recorded_at
FROM stepped;
COMMENT ON VIEW comparisons IS 'One row a pair of models that are used in one way on a data set, as the last report compared them on test';

CREATE OR REPLACE VIEW head_comparisons AS
WITH leaders AS (
    SELECT b.*, CASE WHEN b.head IN ('lora', 'full') THEN b.head ELSE 'frozen' END AS way
    FROM best_layers b
    JOIN metric_names n USING (task, metric)
    QUALIFY row_number() OVER (
        PARTITION BY b.model, b.dataset, b.metric, way
        ORDER BY CASE WHEN n.higher_is_better THEN b.eval_score ELSE -b.eval_score END DESC, b.head, b.variant
    ) = 1
),
averaged AS (
    SELECT model, dataset, head, variant, layer, list_sort(list(probe_id)) AS probes
    FROM probes
    WHERE status = 'ok' AND control IS NULL AND subset IS NULL AND fold IS NULL
    GROUP BY ALL
),
sides AS (
    SELECT * FROM leaders JOIN averaged USING (model, dataset, head, variant, layer)
),
current AS (
    SELECT c.*, a.task, a.way AS way_a, b.way AS way_b
    FROM paired_comparisons c
    JOIN sides a
        ON (a.dataset, a.metric, a.model, a.head, a.variant, a.layer, a.probes)
        = (c.dataset, c.metric, c.model_a, c.head_a, c.variant_a, c.layer_a, c.probes_a)
    JOIN sides b
        ON (b.dataset, b.metric, b.model, b.head, b.variant, b.layer, b.probes)
        = (c.dataset, c.metric, c.model_b, c.head_b, c.variant_b, c.layer_b, c.probes_b)
    WHERE c.kind = 'heads'
    QUALIFY row_number() OVER (
        PARTITION BY c.dataset, c.metric, c.model_a, way_a, way_b
        ORDER BY c.n_resamples DESC, c.recorded_at DESC, c.key
    ) = 1
),
stepped AS (
    SELECT
        *,
        p * (
            count(p) OVER (PARTITION BY dataset, task, metric) + 1
            - row_number() OVER (PARTITION BY dataset, task, metric ORDER BY p NULLS LAST, key)
        ) AS step
    FROM current
)
SELECT
    dataset, task, metric, model_a AS model, way_a, head_a, layer_a, way_b, head_b, layer_b,
    n_items, difference, low, high, p,
    CASE WHEN p IS NOT NULL THEN least(1, max(step) OVER (
        PARTITION BY dataset, task, metric ORDER BY p NULLS LAST, key ROWS UNBOUNDED PRECEDING
    )) END AS p_holm,
    p_holm < 0.05 AS is_clear,
    variant_a, variant_b, n_resamples, recorded_at
FROM stepped;
COMMENT ON VIEW head_comparisons IS 'One row a model and pair of ways to use it (frozen, lora, full) on a data set, as the last report compared them on test';

CREATE OR REPLACE VIEW layer_comparisons AS
WITH sides AS (
    SELECT model, dataset, head, variant, layer, list_sort(list(probe_id)) AS probes
    FROM probes
    WHERE status = 'ok' AND control IS NULL AND subset IS NULL AND fold IS NULL
    GROUP BY ALL
),
current AS (
    SELECT c.*, chosen.task
    FROM paired_comparisons c
    JOIN best_layers chosen
        ON (chosen.dataset, chosen.metric, chosen.model, chosen.head, chosen.variant, chosen.layer)
        = (c.dataset, c.metric, c.model_a, c.head_a, c.variant_a, c.layer_a)
    JOIN sides a
        ON (a.dataset, a.model, a.head, a.variant, a.layer, a.probes)
        = (c.dataset, c.model_a, c.head_a, c.variant_a, c.layer_a, c.probes_a)
    JOIN sides b
        ON (b.dataset, b.model, b.head, b.variant, b.layer, b.probes)
        = (c.dataset, c.model_b, c.head_b, c.variant_b, c.layer_b, c.probes_b)
    WHERE c.kind = 'layers'
    QUALIFY row_number() OVER (
        PARTITION BY c.dataset, c.metric, c.model_a, c.head_a, c.variant_a, c.layer_b
        ORDER BY c.n_resamples DESC, c.recorded_at DESC, c.key
    ) = 1
),
stepped AS (
    SELECT
        *,
        p * (
            count(p) OVER (PARTITION BY dataset, task, metric, model_a, head_a, variant_a) + 1
            - row_number() OVER (PARTITION BY dataset, task, metric, model_a, head_a, variant_a ORDER BY p NULLS LAST, key)
        ) AS step
    FROM current
)
SELECT
    dataset, task, metric, model_a AS model, head_a AS head, layer_a AS chosen, layer_b AS layer, n_items,
    difference, low, high, p,
    CASE WHEN p IS NOT NULL THEN least(1, max(step) OVER (
        PARTITION BY dataset, task, metric, model_a, head_a, variant_a
        ORDER BY p NULLS LAST, key ROWS UNBOUNDED PRECEDING
    )) END AS p_holm,
    p_holm >= 0.05 AS is_as_good,
    variant_a AS variant, n_resamples, recorded_at
FROM stepped;
COMMENT ON VIEW layer_comparisons IS 'One row a layer that a report compared on test with the one chosen on eval';

-- The names of the primary metrics stand here as well, since a constant filter reaches the table of metrics, and a
-- join does not.
CREATE OR REPLACE VIEW leaderboard AS
WITH best AS (
    SELECT
        b.*,
        CASE WHEN b.head IN ('lora', 'full') THEN b.head ELSE 'frozen' END AS way,
        CASE WHEN n.higher_is_better THEN b.eval_score ELSE -b.eval_score END AS eval_goodness,
        CASE WHEN n.higher_is_better THEN b.test_score ELSE -b.test_score END AS test_goodness
    FROM best_layers b
    JOIN metric_names n USING (task, metric)
    WHERE n.is_primary AND b.metric IN ('accuracy', 'roc_auc', 'spearmanr', 'pearson_delta')
    QUALIFY row_number() OVER (
        PARTITION BY b.model, b.dataset, way ORDER BY eval_goodness DESC, b.head, b.variant
    ) = 1
),
compared AS (
    SELECT
        dataset, task, metric, way,
        unnest([
            {'model': model_a, 'worse': is_clear AND difference < 0},
            {'model': model_b, 'worse': is_clear AND difference > 0}
        ]) AS side
    FROM comparisons
    WHERE p IS NOT NULL AND metric IN ('accuracy', 'roc_auc', 'spearmanr', 'pearson_delta')
),
standing AS (
    SELECT dataset, task, metric, way, side.model AS model, 1 + count(*) FILTER (side.worse) AS rank
    FROM compared
    GROUP BY ALL
)
SELECT
    b.dataset,
    coalesce(d.task_group, b.task) AS task_group,
    b.task, b.metric,
    s.rank,
    CASE WHEN b.test_score IS NOT NULL
        THEN rank() OVER (PARTITION BY b.dataset, b.task, b.way ORDER BY b.test_goodness DESC NULLS LAST)
    END AS place,
    b.model, b.way,
    -- No IN: DuckDB 2.0 turns one of five constants into a join, which some queries of this view fail on.
    CASE m.kind
        WHEN 'random-init' THEN true WHEN 'kmer' THEN true WHEN 'onehot' THEN true WHEN 'position' THEN true
        WHEN 'baseline' THEN true ELSE false
    END AS control,
    b.head, b.variant, b.layer, b.n_layers, b.eval_score, b.test_score, b.test_low, b.test_high, b.test_std,
    b.n_probes, b.oracle_layer, b.oracle_score, b.gap
FROM best b
LEFT JOIN standing s USING (dataset, task, metric, way, model)
LEFT JOIN models m ON m.model = b.model
LEFT JOIN datasets d ON d.dataset = b.dataset;
COMMENT ON VIEW leaderboard IS 'One row a model, data set and way to use it: its best head by the primary metric, ranked on test among those used alike';

CREATE OR REPLACE VIEW learning_curves AS
SELECT
    p.model, p.dataset, p.task, p.head, p.variant, p.layer, p.seed, p.fold, p.folds, p.subset, p.repeat, p.control,
    h.epoch, h.train_loss, h.eval_loss, h.eval_score,
    coalesce(h.epoch = p.chosen_epoch, false) AS is_chosen,
    p.convergence, p.probe_id
FROM probes p
JOIN history h USING (probe_id)
WHERE p.status = 'ok';
COMMENT ON VIEW learning_curves IS 'One row a probe and epoch: losses and score on eval; only probes that are ok';

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

-- Of several versions of a data set's files the one that was last used, else the one that was audited last.
CREATE OR REPLACE VIEW audit AS
WITH chosen AS (
    SELECT a.*, a.sha256 = d.sha256 AS is_current
    FROM audits a
    LEFT JOIN datasets d USING (dataset)
    QUALIFY row_number() OVER (
        PARTITION BY dataset ORDER BY is_current DESC, a.recorded_at DESC, a.sha256
    ) = 1
),
found AS (
    SELECT
        dataset, sha256,
        string_agg(check_name, ', ' ORDER BY number) FILTER (severity = 'red') AS red,
        string_agg(check_name, ', ' ORDER BY number) FILTER (severity = 'yellow') AS yellow
    FROM audit_findings
    GROUP BY dataset, sha256
)
SELECT
    c.dataset, c.task, c.verdict, f.red, f.yellow,
    s.n_items AS n_test,
    CAST(s.marks->>'$.clean' AS INTEGER) AS n_clean,
    n_clean / nullif(s.n_items, 0) AS clean_share,
    c.is_current, c.sha256, c.recorded_at
FROM chosen c
LEFT JOIN found f USING (dataset, sha256)
LEFT JOIN audit_splits s ON s.dataset = c.dataset AND s.sha256 = c.sha256 AND s.split = 'test';
COMMENT ON VIEW audit IS 'One row a data set: the audit of its files as last used, else the newest there is';

CREATE OR REPLACE VIEW clean_items AS
SELECT i.dataset, i.item
FROM audit_items i
JOIN datasets d USING (dataset, sha256)
WHERE i.split = 'test' AND i.clean;
COMMENT ON VIEW clean_items IS 'One row a test item that the audit of the data set as last used found nothing against';

CREATE OR REPLACE VIEW clean_scores AS
WITH current AS (
    SELECT c.*
    FROM clean_metrics c
    JOIN audits a USING (dataset, marks_sha256)
    JOIN datasets d USING (dataset)
    WHERE d.sha256 = a.sha256
    QUALIFY row_number() OVER (
        PARTITION BY c.probe_id, c.metric ORDER BY c.n_resamples DESC, c.recorded_at DESC, c.key
    ) = 1
)
SELECT
    p.model, p.dataset, p.task, p.head, p.variant, p.layer, p.seed, p.folds,
    c.metric, c.n_items, c.n_clean,
    m.value AS score, m.low, m.high,
    c.value AS clean_score, c.low AS clean_low, c.high AS clean_high,
    c.value - m.value AS difference,
    c.reason, p.probe_id
FROM current c
JOIN probes p USING (probe_id)
JOIN metrics m ON m.probe_id = c.probe_id AND m.split = 'test' AND m.metric = c.metric
WHERE p.status = 'ok';
COMMENT ON VIEW clean_scores IS 'One row a probe and metric that a report scored on the clean test items, beside all test items';

CREATE OR REPLACE VIEW named_predictions AS
SELECT
    probe_id, probes.model, probes.dataset, probes.layer, probes.head, probes.seed, probes.fold,
    predictions.split, predictions.item, items.id, predictions.place, predictions.output,
    datasets.class_names[predictions.output + 1] AS class_name,
    predictions.target, predictions.score
FROM predictions
JOIN probes USING (probe_id)
LEFT JOIN datasets ON datasets.dataset = probes.dataset
-- Where a data set has no eval, the items of eval were held out from train.
LEFT JOIN items ON items.dataset = probes.dataset AND items.sha256 = datasets.sha256 AND items.item = predictions.item
    AND items.split = CASE WHEN predictions.split = 'eval' AND datasets.n_eval = 0 THEN 'train' ELSE predictions.split END;
COMMENT ON VIEW named_predictions IS 'Predictions with the items'' own ids and the names of classes, labels or targets, where there are any';
