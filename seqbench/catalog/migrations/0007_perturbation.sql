-- Responses of cells to perturbations: a task of its own, with its metrics.
-- A CHECK can't be changed in place, so the two tables that name the tasks are made anew with all their rows.

CREATE TABLE new_datasets (
    dataset VARCHAR PRIMARY KEY,
    sha256 VARCHAR NOT NULL,
    task VARCHAR NOT NULL CHECK (task IN ('classification', 'labels', 'regression', 'perturbation')),
    n_seqs INTEGER NOT NULL,
    n_classes INTEGER,
    n_targets INTEGER,
    n_train INTEGER NOT NULL,
    n_eval INTEGER NOT NULL,
    n_test INTEGER NOT NULL,
    alphabet VARCHAR,
    task_group VARCHAR,
    ceiling JSON,
    recorded_at TIMESTAMP NOT NULL,
    facts JSON,
    class_names VARCHAR[]
);
INSERT INTO new_datasets SELECT * FROM datasets;
DROP TABLE datasets;
ALTER TABLE new_datasets RENAME TO datasets;
COMMENT ON TABLE datasets IS 'One row a data set, as last seen under its name';
COMMENT ON COLUMN datasets.sha256 IS 'Hash of the files of all splits';
COMMENT ON COLUMN datasets.n_seqs IS 'Sequences per item';
COMMENT ON COLUMN datasets.n_classes IS 'Classes; NULL unless the task is classification';
COMMENT ON COLUMN datasets.n_targets IS 'Labels or targets; NULL where the task is classification';
COMMENT ON COLUMN datasets.n_train IS 'Items in the split; 0 where there is no such split';
COMMENT ON COLUMN datasets.alphabet IS 'dna, rna or protein';
COMMENT ON COLUMN datasets.task_group IS 'Group of data sets it is reported with';
COMMENT ON COLUMN datasets.ceiling IS 'Best attainable score by metric, where it is known: {"accuracy": 0.95}';
COMMENT ON COLUMN datasets.facts IS 'Of each split: items, label counts, lengths of sequences, regression targets; NULL where recorded by an older version';
COMMENT ON COLUMN datasets.class_names IS 'Names of outputs 0, 1 … (classes, labels or targets); NULL where they have none';

CREATE TABLE new_probes (
    probe_id BIGINT PRIMARY KEY,
    spec_hash VARCHAR NOT NULL UNIQUE,
    run_id VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    task VARCHAR NOT NULL CHECK (task IN ('classification', 'labels', 'regression', 'perturbation')),
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
    recorded_at TIMESTAMP NOT NULL,
    folds INTEGER,
    subset VARCHAR,
    repeat INTEGER,
    control VARCHAR,
    thresholds DOUBLE[],
    advice VARCHAR,
    saved VARCHAR
);
INSERT INTO new_probes SELECT * FROM probes;
DROP TABLE probes;
ALTER TABLE new_probes RENAME TO probes;
COMMENT ON TABLE probes IS 'One row a probe: one head on one model, data set, layer, seed and fold';
COMMENT ON COLUMN probes.probe_id IS 'Key to metrics, class_metrics, history and predictions; follows from spec_hash';
COMMENT ON COLUMN probes.spec_hash IS 'Hash of everything the result depends on; equal hash, equal probe';
COMMENT ON COLUMN probes.n_layers IS 'Number of layers of the model, counting layer 0';
COMMENT ON COLUMN probes.head IS 'mlp, linear, xgb, forest or knn; of responses control_mean, perturbation_mean, context_mean, additive, nearest, ridge or st';
COMMENT ON COLUMN probes.variant IS 'Names the rest of the spec (settings, weights, data): never averaged across';
COMMENT ON COLUMN probes.fold IS 'Fold of a cross-validation; NULL where there are none';
COMMENT ON COLUMN probes.spec IS 'What the result depends on, and what was chosen on eval besides the epoch';
COMMENT ON COLUMN probes.error IS 'Why it failed; NULL where status is ok';
COMMENT ON COLUMN probes.seconds IS 'Time of training and scoring; its share where probes train together';
COMMENT ON COLUMN probes.n_train IS 'Items it was trained on';
COMMENT ON COLUMN probes.n_epochs IS 'Epochs or rounds trained; NULL where the head has none';
COMMENT ON COLUMN probes.chosen_epoch IS 'Epoch or round whose weights were kept, chosen on eval';
COMMENT ON COLUMN probes.convergence IS 'Verdict on the learning curve';
COMMENT ON COLUMN probes.folds IS 'Folds of its cross-validation; NULL where there is none. With fold NULL the row stands for all folds together';
COMMENT ON COLUMN probes.subset IS 'Part of train: few-shot n (items a class), size n (items, or a share); NULL for all of train';
COMMENT ON COLUMN probes.repeat IS 'Number of the draw of the subset, from 0';
COMMENT ON COLUMN probes.control IS 'shuffled-labels: trained on permuted labels; NULL for a probe that counts';
COMMENT ON COLUMN probes.thresholds IS 'From where on a probability counts as yes: one for two classes, one a label';
COMMENT ON COLUMN probes.advice IS 'What to change about the training; NULL where there is nothing to';
COMMENT ON COLUMN probes.saved IS 'File of the trained head in probe.save_heads';

INSERT INTO metric_names VALUES
    ('pearson_delta', 'perturbation', true, true),
    ('mse', 'perturbation', false, false),
    ('mae', 'perturbation', false, false),
    ('weighted_mse', 'perturbation', false, false),
    ('weighted_r2', 'perturbation', true, false),
    ('discrimination_l1', 'perturbation', true, false),
    ('discrimination_l2', 'perturbation', true, false),
    ('discrimination_cosine', 'perturbation', true, false),
    ('energy_distance', 'perturbation', false, false),
    ('de_overlap', 'perturbation', true, false),
    ('direction', 'perturbation', true, false);
