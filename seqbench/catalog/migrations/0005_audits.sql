-- What audits of data sets found, item by item, and what probes score on the test items they found nothing against.

-- No table here has an index, as paired_comparisons: a batch is 100,000 rows and more.
CREATE TABLE audits (
    dataset VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    task VARCHAR NOT NULL CHECK (task IN ('classification', 'labels', 'regression')),
    alphabet VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL CHECK (verdict IN ('red', 'yellow', 'green')),
    settings JSON NOT NULL,
    method INTEGER NOT NULL,
    marks_sha256 VARCHAR NOT NULL,
    seconds DOUBLE NOT NULL,
    recorded_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE audits IS 'One row a data set and version of its files: what seqbench datasets audit found last';
COMMENT ON COLUMN audits.sha256 IS 'Hash of the files of all splits; as datasets.sha256 where they have not changed since';
COMMENT ON COLUMN audits.alphabet IS 'dna, rna or protein';
COMMENT ON COLUMN audits.verdict IS 'The worst of its findings: red, yellow or green';
COMMENT ON COLUMN audits.settings IS 'What was compared how, for example {"near": 0.9}';
COMMENT ON COLUMN audits.method IS 'Version of the audit: another finds other things';
COMMENT ON COLUMN audits.marks_sha256 IS 'Hash of the data and of which test items are clean';
COMMENT ON COLUMN audits.seconds IS 'Wall time';

CREATE TABLE audit_splits (
    dataset VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    split VARCHAR NOT NULL,
    n_items INTEGER NOT NULL,
    letters BIGINT NOT NULL,
    length_quantiles DOUBLE[] NOT NULL,
    labels JSON NOT NULL,
    unknown_letters DOUBLE NOT NULL,
    lower_case DOUBLE NOT NULL,
    gc DOUBLE,
    marks JSON NOT NULL
);
COMMENT ON TABLE audit_splits IS 'One row an audit and split: what is in it';
COMMENT ON COLUMN audit_splits.length_quantiles IS 'Of all sequences in letters: shortest, quartiles, longest';
COMMENT ON COLUMN audit_splits.labels IS 'Items of each class or label; of a regression mean and standard deviation of each target';
COMMENT ON COLUMN audit_splits.unknown_letters IS 'Share of letters outside the alphabet';
COMMENT ON COLUMN audit_splits.lower_case IS 'Share of letters';
COMMENT ON COLUMN audit_splits.gc IS 'Share of G and C among A, C, G, T and U; NULL for proteins';
COMMENT ON COLUMN audit_splits.marks IS 'Items with each mark: {"copy": 10, "clean": 90}; of train only repeat and conflict';

CREATE TABLE audit_findings (
    dataset VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    number INTEGER NOT NULL,
    check_name VARCHAR NOT NULL,
    severity VARCHAR NOT NULL CHECK (severity IN ('red', 'yellow', 'green')),
    measured VARCHAR NOT NULL,
    share DOUBLE,
    yellow DOUBLE,
    red DOUBLE,
    says VARCHAR NOT NULL
);
COMMENT ON TABLE audit_findings IS 'One row an audit and check';
COMMENT ON COLUMN audit_findings.number IS 'Order of the checks, from 0';
COMMENT ON COLUMN audit_findings.measured IS 'The numbers, as text';
COMMENT ON COLUMN audit_findings.share IS 'What is held against the thresholds: a share of items, or the way from chance to perfect; NULL where the check did not apply';
COMMENT ON COLUMN audit_findings.yellow IS 'From where on it is yellow';
COMMENT ON COLUMN audit_findings.red IS 'From where on it is red; NULL: it never is';
COMMENT ON COLUMN audit_findings.says IS 'What it means, in a sentence';

CREATE TABLE audit_controls (
    dataset VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    number INTEGER NOT NULL,
    control VARCHAR NOT NULL,
    knows VARCHAR NOT NULL,
    n_train INTEGER NOT NULL,
    n_test INTEGER NOT NULL,
    judged VARCHAR NOT NULL,
    value DOUBLE,
    low DOUBLE,
    high DOUBLE,
    way DOUBLE,
    certain BOOLEAN NOT NULL,
    reason VARCHAR,
    metrics JSON NOT NULL
);
COMMENT ON TABLE audit_controls IS 'One row an audit and shortcut control: a linear head given what should not be enough';
COMMENT ON COLUMN audit_controls.number IS 'Order of the controls, from 0';
COMMENT ON COLUMN audit_controls.knows IS 'What it was given';
COMMENT ON COLUMN audit_controls.judged IS 'The metric that it is judged by';
COMMENT ON COLUMN audit_controls.value IS 'Its score on test by that metric; NULL where it is undefined or was not trained';
COMMENT ON COLUMN audit_controls.low IS 'Lower end of the bootstrap interval over items';
COMMENT ON COLUMN audit_controls.high IS 'Upper end of the interval';
COMMENT ON COLUMN audit_controls.way IS 'How far from chance (0) to perfect (1) it came';
COMMENT ON COLUMN audit_controls.certain IS 'Whether the interval leaves out chance';
COMMENT ON COLUMN audit_controls.reason IS 'Why it was not trained; NULL where it was';
COMMENT ON COLUMN audit_controls.metrics IS 'All its scores on test: {"accuracy": {"value": 0.9, "low": 0.88, "high": 0.92, "reason": null}}';

CREATE TABLE audit_items (
    dataset VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    split VARCHAR NOT NULL,
    item INTEGER NOT NULL,
    copy_of INTEGER,
    reverse_copy_of INTEGER,
    reordered_copy_of INTEGER,
    near_duplicate_of INTEGER,
    identity DOUBLE,
    near_duplicate_opposite BOOLEAN NOT NULL,
    stretch_share DOUBLE,
    stretch_of INTEGER,
    sequences_seen INTEGER NOT NULL,
    overlap DOUBLE,
    conflict BOOLEAN NOT NULL,
    repeat BOOLEAN NOT NULL,
    clean BOOLEAN NOT NULL
);
COMMENT ON TABLE audit_items IS 'One row an audit and item of eval and test: what was found against it';
COMMENT ON COLUMN audit_items.item IS 'Row of the item in its split, from 0, as in predictions';
COMMENT ON COLUMN audit_items.copy_of IS 'Row of train with the same sequences; NULL where there is none, as in all that follow';
COMMENT ON COLUMN audit_items.reverse_copy_of IS 'Row of train with the reverse complements';
COMMENT ON COLUMN audit_items.reordered_copy_of IS 'Row of train with the same sequences in another order';
COMMENT ON COLUMN audit_items.near_duplicate_of IS 'Row of train that is a near-duplicate, of several the most similar';
COMMENT ON COLUMN audit_items.identity IS 'Its identity; 1 for copies';
COMMENT ON COLUMN audit_items.near_duplicate_opposite IS 'Whether it is alike on the opposite strand';
COMMENT ON COLUMN audit_items.stretch_share IS 'Share of the item''s stretches that train holds';
COMMENT ON COLUMN audit_items.stretch_of IS 'Row of train that most of these are from';
COMMENT ON COLUMN audit_items.sequences_seen IS 'How many of its sequences occur in train';
COMMENT ON COLUMN audit_items.overlap IS 'Share of its bases in intervals of train; NULL without coordinates';
COMMENT ON COLUMN audit_items.conflict IS 'An equal item has another label';
COMMENT ON COLUMN audit_items.repeat IS 'Stood in its split before';
COMMENT ON COLUMN audit_items.clean IS 'None of: copy, near-duplicate, overlap, conflict, repeat';

CREATE TABLE clean_metrics (
    key VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    probe_id BIGINT NOT NULL,
    marks_sha256 VARCHAR NOT NULL,
    n_resamples INTEGER NOT NULL,
    n_items INTEGER NOT NULL,
    n_clean INTEGER NOT NULL,
    metric VARCHAR NOT NULL,
    value DOUBLE,
    low DOUBLE,
    high DOUBLE,
    reason VARCHAR,
    recorded_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE clean_metrics IS 'One row a probe, audit and metric: its score on the clean test items, as a report made it';
COMMENT ON COLUMN clean_metrics.key IS 'Hash of what was scored: probe, marks, number of resamples; once each metric';
COMMENT ON COLUMN clean_metrics.marks_sha256 IS 'Which items are clean, as in audits';
COMMENT ON COLUMN clean_metrics.n_resamples IS 'Resamples of the bootstrap';
COMMENT ON COLUMN clean_metrics.n_items IS 'Test items';
COMMENT ON COLUMN clean_metrics.n_clean IS 'Those of them that are clean';
COMMENT ON COLUMN clean_metrics.value IS 'The score on the clean items; NULL where it is undefined';
COMMENT ON COLUMN clean_metrics.low IS 'Lower end of the bootstrap interval over clean items';
COMMENT ON COLUMN clean_metrics.high IS 'Upper end of the interval';
COMMENT ON COLUMN clean_metrics.reason IS 'Why value or interval is NULL, or what was left out of an average';
