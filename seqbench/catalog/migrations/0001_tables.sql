-- Format 1 of the catalog. Times are UTC. JSON columns hold objects. An undefined number is NULL, never NaN.

CREATE TABLE runs (
    run_id VARCHAR PRIMARY KEY,
    command VARCHAR NOT NULL,
    status VARCHAR NOT NULL CHECK (status IN ('running', 'done', 'failed', 'interrupted')),
    config JSON NOT NULL,
    versions JSON NOT NULL,
    host VARCHAR NOT NULL,
    device VARCHAR NOT NULL,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP
);
COMMENT ON TABLE runs IS 'One row a command that wrote here: with which config, versions and machine';
COMMENT ON COLUMN runs.command IS 'extract, probe or run';
COMMENT ON COLUMN runs.status IS 'running, done, failed (some work failed) or interrupted; a killed run stays running';
COMMENT ON COLUMN runs.config IS 'The config in full, defaults included';
COMMENT ON COLUMN runs.versions IS 'Version of each package that results depend on';
COMMENT ON COLUMN runs.device IS 'What computed, for example cpu or cuda (NVIDIA H100)';

CREATE TABLE models (
    model VARCHAR PRIMARY KEY,
    kind VARCHAR NOT NULL,
    path VARCHAR,
    revision VARCHAR,
    fingerprint VARCHAR NOT NULL,
    n_layers INTEGER NOT NULL,
    hidden INTEGER,
    dtype VARCHAR NOT NULL,
    settings JSON NOT NULL,
    recorded_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE models IS 'One row a model, as last seen under its name';
COMMENT ON COLUMN models.kind IS 'Kind in the config; random-init, kmer and onehot are controls';
COMMENT ON COLUMN models.path IS 'Directory or hub id; NULL where nothing is loaded';
COMMENT ON COLUMN models.revision IS 'Pinned commit of a hub id';
COMMENT ON COLUMN models.fingerprint IS 'Hash of weights and tokenizer, or of the settings of a control';
COMMENT ON COLUMN models.n_layers IS 'Number of layers counting layer 0: blocks + 1; 1 for kmer and onehot';
COMMENT ON COLUMN models.hidden IS 'Width of a layer; NULL where it depends on the data set, as for onehot';
COMMENT ON COLUMN models.dtype IS 'Precision of the forward pass';
COMMENT ON COLUMN models.settings IS 'What its kind needs besides, for example {"k": 4}';

CREATE TABLE datasets (
    dataset VARCHAR PRIMARY KEY,
    sha256 VARCHAR NOT NULL,
    task VARCHAR NOT NULL CHECK (task IN ('classification', 'labels', 'regression')),
    n_seqs INTEGER NOT NULL,
    n_classes INTEGER,
    n_targets INTEGER,
    n_train INTEGER NOT NULL,
    n_eval INTEGER NOT NULL,
    n_test INTEGER NOT NULL,
    alphabet VARCHAR,
    task_group VARCHAR,
    ceiling JSON,
    recorded_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE datasets IS 'One row a data set, as last seen under its name';
COMMENT ON COLUMN datasets.sha256 IS 'Hash of the files of all splits';
COMMENT ON COLUMN datasets.n_seqs IS 'Sequences per item';
COMMENT ON COLUMN datasets.n_classes IS 'Classes; NULL unless the task is classification';
COMMENT ON COLUMN datasets.n_targets IS 'Labels or targets; NULL where the task is classification';
COMMENT ON COLUMN datasets.n_train IS 'Items in the split; 0 where there is no such split';
COMMENT ON COLUMN datasets.alphabet IS 'dna, rna or protein';
COMMENT ON COLUMN datasets.task_group IS 'Group of data sets it is reported with';
COMMENT ON COLUMN datasets.ceiling IS 'Best attainable score by metric, where it is known: {"accuracy": 0.95}';

CREATE TABLE embeddings (
    model VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    split VARCHAR NOT NULL,
    n_items INTEGER NOT NULL,
    tokens BIGINT NOT NULL,
    seconds DOUBLE NOT NULL,
    tokens_per_s DOUBLE,
    bytes BIGINT NOT NULL,
    coverage_mean DOUBLE,
    coverage_min DOUBLE,
    device VARCHAR NOT NULL,
    dtype VARCHAR NOT NULL,
    settings JSON NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    PRIMARY KEY (model, dataset, split)
);
COMMENT ON TABLE embeddings IS 'One row a model, data set and split that is complete in the store';
COMMENT ON COLUMN embeddings.tokens IS 'Tokens that went through the model, padding not counted';
COMMENT ON COLUMN embeddings.seconds IS 'Wall time of extraction';
COMMENT ON COLUMN embeddings.tokens_per_s IS 'tokens / seconds; NULL where nothing was computed (imported)';
COMMENT ON COLUMN embeddings.bytes IS 'Bytes in the store, all layers';
COMMENT ON COLUMN embeddings.coverage_mean IS 'Share of a sequence that the model saw, mean over items; NULL where unknown (imported)';
COMMENT ON COLUMN embeddings.coverage_min IS 'The same of the item covered least';
COMMENT ON COLUMN embeddings.settings IS 'Pooling, windows, strand and batch budget with its reason';

CREATE TABLE probes (
    probe_id BIGINT PRIMARY KEY,
    spec_hash VARCHAR NOT NULL UNIQUE,
    run_id VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    task VARCHAR NOT NULL CHECK (task IN ('classification', 'labels', 'regression')),
    layer INTEGER NOT NULL,
    n_layers INTEGER NOT NULL,
    head VARCHAR NOT NULL,
    variant VARCHAR NOT NULL,
    seed BIGINT NOT NULL,
    fold INTEGER,
    spec JSON NOT NULL,
    status VARCHAR NOT NULL CHECK (status IN ('ok', 'failed')),
    error VARCHAR,
    seconds DOUBLE NOT NULL,
    n_train INTEGER NOT NULL,
    n_epochs INTEGER,
    chosen_epoch INTEGER,
    convergence VARCHAR,
    device VARCHAR NOT NULL,
    recorded_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE probes IS 'One row a probe: one head on one model, data set, layer, seed and fold';
COMMENT ON COLUMN probes.probe_id IS 'Key to metrics, class_metrics, history and predictions; follows from spec_hash';
COMMENT ON COLUMN probes.spec_hash IS 'Hash of everything the result depends on; equal hash, equal probe';
COMMENT ON COLUMN probes.n_layers IS 'Number of layers of the model, counting layer 0';
COMMENT ON COLUMN probes.head IS 'mlp, linear, xgb or forest';
COMMENT ON COLUMN probes.variant IS 'Names the rest of the spec (settings, weights, data): never averaged across';
COMMENT ON COLUMN probes.fold IS 'Fold of a cross-validation; NULL where there are none';
COMMENT ON COLUMN probes.spec IS 'What the result depends on, and what was chosen on eval besides the epoch';
COMMENT ON COLUMN probes.error IS 'Why it failed; NULL where status is ok';
COMMENT ON COLUMN probes.seconds IS 'Time of training and scoring; its share where probes train together';
COMMENT ON COLUMN probes.n_train IS 'Items it was trained on';
COMMENT ON COLUMN probes.n_epochs IS 'Epochs or rounds trained; NULL where the head has none';
COMMENT ON COLUMN probes.chosen_epoch IS 'Epoch or round whose weights were kept, chosen on eval';
COMMENT ON COLUMN probes.convergence IS 'Verdict on the learning curve';

CREATE TABLE metrics (
    probe_id BIGINT NOT NULL,
    split VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    value DOUBLE,
    low DOUBLE,
    high DOUBLE,
    reason VARCHAR,
    n_items INTEGER NOT NULL
);
COMMENT ON TABLE metrics IS 'One row a probe, split and metric';
COMMENT ON COLUMN metrics.value IS 'The score; NULL where it is undefined';
COMMENT ON COLUMN metrics.low IS 'Lower end of the bootstrap interval over items';
COMMENT ON COLUMN metrics.high IS 'Upper end of the bootstrap interval over items';
COMMENT ON COLUMN metrics.reason IS 'Why value or interval is NULL, or what was left out of an average';
COMMENT ON COLUMN metrics.n_items IS 'Items scored';

CREATE TABLE class_metrics (
    probe_id BIGINT NOT NULL,
    split VARCHAR NOT NULL,
    label INTEGER NOT NULL,
    metric VARCHAR NOT NULL,
    value DOUBLE,
    support INTEGER NOT NULL,
    reason VARCHAR
);
COMMENT ON TABLE class_metrics IS 'One row a probe, split, metric and class, label or target';
COMMENT ON COLUMN class_metrics.label IS 'Index of the class, label or target, from 0';
COMMENT ON COLUMN class_metrics.support IS 'Items of the class, items that carry the label, or all items of a target';
COMMENT ON COLUMN class_metrics.reason IS 'Why value is NULL';

CREATE TABLE history (
    probe_id BIGINT NOT NULL,
    epoch INTEGER NOT NULL,
    train_loss DOUBLE,
    eval_loss DOUBLE,
    eval_score DOUBLE
);
COMMENT ON TABLE history IS 'Learning curves: one row a probe and epoch (or boosting round)';
COMMENT ON COLUMN history.epoch IS 'From 1';
COMMENT ON COLUMN history.eval_score IS 'The task''s primary metric on eval after this epoch';

CREATE TABLE predictions (
    probe_id BIGINT NOT NULL,
    split VARCHAR NOT NULL,
    item INTEGER NOT NULL,
    output SMALLINT NOT NULL,
    target FLOAT NOT NULL,
    score FLOAT
);
COMMENT ON TABLE predictions IS 'One row a probe, split, item and output';
COMMENT ON COLUMN predictions.item IS 'Row of the item in its split, from 0; in train, where eval was held out from it';
COMMENT ON COLUMN predictions.output IS 'Class, label or target; of two classes only 1 is kept, class 0 being 1 - score';
COMMENT ON COLUMN predictions.target IS '1 or 0: the item is of this class or has this label; for regression the true value';
COMMENT ON COLUMN predictions.score IS 'Probability, or predicted value';

CREATE TABLE metric_names (
    metric VARCHAR NOT NULL,
    task VARCHAR NOT NULL,
    higher_is_better BOOLEAN NOT NULL,
    is_primary BOOLEAN NOT NULL,
    PRIMARY KEY (metric, task)
);
COMMENT ON TABLE metric_names IS 'Which metrics a task has, and how to read them';
COMMENT ON COLUMN metric_names.is_primary IS 'The one that the leaderboard goes by';

INSERT INTO metric_names VALUES
    ('accuracy', 'classification', true, true),
    ('balanced_accuracy', 'classification', true, false),
    ('roc_auc', 'classification', true, false),
    ('auprc', 'classification', true, false),
    ('precision', 'classification', true, false),
    ('recall', 'classification', true, false),
    ('f1', 'classification', true, false),
    ('mcc', 'classification', true, false),
    ('accuracy', 'labels', true, false),
    ('balanced_accuracy', 'labels', true, false),
    ('roc_auc', 'labels', true, true),
    ('auprc', 'labels', true, false),
    ('precision', 'labels', true, false),
    ('recall', 'labels', true, false),
    ('f1', 'labels', true, false),
    ('mcc', 'labels', true, false),
    ('mse', 'regression', false, false),
    ('rmse', 'regression', false, false),
    ('mcrmse', 'regression', false, false),
    ('mae', 'regression', false, false),
    ('r2', 'regression', true, false),
    ('pearsonr', 'regression', true, false),
    ('spearmanr', 'regression', true, true);
