-- What it took to train models; heads of one model set against each other.

-- No index, as paired_comparisons.
CREATE TABLE trainings (
    key VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL CHECK (stage IN ('finetune', 'adapt')),
    model VARCHAR NOT NULL,
    base VARCHAR NOT NULL,
    dataset VARCHAR,
    encoder VARCHAR NOT NULL CHECK (encoder IN ('lora', 'full')),
    seed BIGINT NOT NULL,
    fold INTEGER,
    trained_parameters BIGINT NOT NULL,
    total_parameters BIGINT NOT NULL,
    seconds DOUBLE NOT NULL,
    device VARCHAR NOT NULL,
    peak_memory_bytes BIGINT,
    steps BIGINT NOT NULL,
    items BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    folder VARCHAR,
    fingerprint VARCHAR,
    probes BIGINT[] NOT NULL,
    settings JSON NOT NULL,
    finished_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE trainings IS 'One row a training of a model that came to its end: fine-tuned on a data set, or adapted to corpora';
COMMENT ON COLUMN trainings.key IS 'Hash of everything that the trained weights depend on; once each';
COMMENT ON COLUMN trainings.stage IS 'finetune or adapt';
COMMENT ON COLUMN trainings.model IS 'Name that its results stand under: of the model that was fine-tuned, or of the one that adapting made';
COMMENT ON COLUMN trainings.base IS 'Model whose weights it began with; the same as model for fine-tuning';
COMMENT ON COLUMN trainings.dataset IS 'Data set, without a target where several were trained together; NULL for adaptation';
COMMENT ON COLUMN trainings.encoder IS 'lora (low-rank adapters) or full (all weights)';
COMMENT ON COLUMN trainings.fold IS 'Fold that was held out; NULL where there are none';
COMMENT ON COLUMN trainings.trained_parameters IS 'Numbers that the optimiser changed, the head''s among them';
COMMENT ON COLUMN trainings.total_parameters IS 'Numbers of encoder and head together';
COMMENT ON COLUMN trainings.seconds IS 'Of training and evaluating, all resumed parts together';
COMMENT ON COLUMN trainings.peak_memory_bytes IS 'Greatest memory: allocated on a GPU, else resident of the process; NULL where nobody measured';
COMMENT ON COLUMN trainings.steps IS 'Steps of the optimiser';
COMMENT ON COLUMN trainings.items IS 'Items (of a corpus: sequences) seen, each as often as it was';
COMMENT ON COLUMN trainings.tokens IS 'Tokens seen, without padding';
COMMENT ON COLUMN trainings.folder IS 'Where the trained model is; NULL where none was kept';
COMMENT ON COLUMN trainings.fingerprint IS 'Of the trained weights: models.fingerprint once the folder is named in models; NULL where none were kept';
COMMENT ON COLUMN trainings.probes IS 'The probes it gave: one, or one a target; none for adaptation';
COMMENT ON COLUMN trainings.settings IS 'What it was trained with';

-- A CHECK can't be changed in place.
CREATE TABLE new_comparisons (
    key VARCHAR NOT NULL,
    kind VARCHAR NOT NULL CHECK (kind IN ('models', 'layers', 'heads')),
    dataset VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    model_a VARCHAR NOT NULL,
    head_a VARCHAR NOT NULL,
    variant_a VARCHAR NOT NULL,
    layer_a INTEGER NOT NULL,
    probes_a BIGINT[] NOT NULL,
    model_b VARCHAR NOT NULL,
    head_b VARCHAR NOT NULL,
    variant_b VARCHAR NOT NULL,
    layer_b INTEGER NOT NULL,
    probes_b BIGINT[] NOT NULL,
    n_items INTEGER NOT NULL,
    n_resamples INTEGER NOT NULL,
    difference DOUBLE,
    low DOUBLE,
    high DOUBLE,
    p DOUBLE,
    recorded_at TIMESTAMP NOT NULL
);
INSERT INTO new_comparisons SELECT * FROM paired_comparisons;
DROP TABLE paired_comparisons;
ALTER TABLE new_comparisons RENAME TO paired_comparisons;
COMMENT ON TABLE paired_comparisons IS 'One row a pair of models, layers or heads that a report compared on the same test items';
COMMENT ON COLUMN paired_comparisons.key IS 'Hash of what was compared: probes of both sides, metric, number of resamples; once each';
COMMENT ON COLUMN paired_comparisons.kind IS 'models; layers of one model: then a is the layer that was chosen on eval; heads: then a trained the model and b read it frozen, or trained less of it';
COMMENT ON COLUMN paired_comparisons.probes_a IS 'The probes that a is the mean of, one a seed, ascending';
COMMENT ON COLUMN paired_comparisons.probes_b IS 'The probes that b is the mean of, one a seed, ascending';
COMMENT ON COLUMN paired_comparisons.n_items IS 'Test items that both sides predicted';
COMMENT ON COLUMN paired_comparisons.n_resamples IS 'Resamples of the paired bootstrap';
COMMENT ON COLUMN paired_comparisons.difference IS 'How much better a is on test, whichever way the metric goes; NULL where it is undefined';
COMMENT ON COLUMN paired_comparisons.low IS 'Lower end of the 95 % interval of the difference';
COMMENT ON COLUMN paired_comparisons.high IS 'Upper end of the interval';
COMMENT ON COLUMN paired_comparisons.p IS 'Two-sided, not corrected for the number of pairs';

COMMENT ON COLUMN probes.head IS 'mlp, linear, xgb, forest or knn on the frozen model; lora or full where the model was trained with it; of responses control_mean, perturbation_mean, context_mean, additive, nearest, ridge or st';
