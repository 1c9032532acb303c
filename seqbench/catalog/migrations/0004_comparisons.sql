-- What is in each split of a data set; which process a run is; what reports found when they compared models and layers.

ALTER TABLE datasets ADD COLUMN facts JSON;
COMMENT ON COLUMN datasets.facts IS 'Of each split: items, label counts, lengths of sequences, regression targets; NULL where recorded by an older version';

ALTER TABLE runs ADD COLUMN pid BIGINT;
COMMENT ON COLUMN runs.pid IS 'Its process on the host, which tells a killed run from one that is under way; NULL where recorded by an older version';

-- The key has no index: with one, 100,000 rows take twice the time to write and five times to replace.
CREATE TABLE paired_comparisons (
    key VARCHAR NOT NULL,
    kind VARCHAR NOT NULL CHECK (kind IN ('models', 'layers')),
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
COMMENT ON TABLE paired_comparisons IS 'One row a pair of models, or of layers, that a report compared on the same test items';
COMMENT ON COLUMN paired_comparisons.key IS 'Hash of what was compared: probes of both sides, metric, number of resamples; once each';
COMMENT ON COLUMN paired_comparisons.kind IS 'models, or layers of one model: then a is the layer that was chosen on eval';
COMMENT ON COLUMN paired_comparisons.probes_a IS 'The probes that a is the mean of, one a seed, ascending';
COMMENT ON COLUMN paired_comparisons.probes_b IS 'The probes that b is the mean of, one a seed, ascending';
COMMENT ON COLUMN paired_comparisons.n_items IS 'Test items that both sides predicted';
COMMENT ON COLUMN paired_comparisons.n_resamples IS 'Resamples of the paired bootstrap';
COMMENT ON COLUMN paired_comparisons.difference IS 'How much better a is on test, whichever way the metric goes; NULL where it is undefined';
COMMENT ON COLUMN paired_comparisons.low IS 'Lower end of the 95 % interval of the difference';
COMMENT ON COLUMN paired_comparisons.high IS 'Upper end of the interval';
COMMENT ON COLUMN paired_comparisons.p IS 'Two-sided, not corrected for the number of pairs';
