-- Cross-validation, subsets of train, controls, tuned thresholds, saved heads; metrics of calibration and rank.

ALTER TABLE probes ADD COLUMN folds INTEGER;
ALTER TABLE probes ADD COLUMN subset VARCHAR;
ALTER TABLE probes ADD COLUMN repeat INTEGER;
ALTER TABLE probes ADD COLUMN control VARCHAR;
ALTER TABLE probes ADD COLUMN thresholds DOUBLE[];
ALTER TABLE probes ADD COLUMN advice VARCHAR;
ALTER TABLE probes ADD COLUMN saved VARCHAR;
COMMENT ON COLUMN probes.head IS 'mlp, linear, xgb, forest or knn';
COMMENT ON COLUMN probes.folds IS 'Folds of its cross-validation; NULL where there is none. With fold NULL the row stands for all folds together';
COMMENT ON COLUMN probes.subset IS 'Part of train: few-shot n (items a class), size n (items, or a share); NULL for all of train';
COMMENT ON COLUMN probes.repeat IS 'Number of the draw of the subset, from 0';
COMMENT ON COLUMN probes.control IS 'shuffled-labels: trained on permuted labels; NULL for a probe that counts';
COMMENT ON COLUMN probes.thresholds IS 'From where on a probability counts as yes: one for two classes, one a label';
COMMENT ON COLUMN probes.advice IS 'What to change about the training; NULL where there is nothing to';
COMMENT ON COLUMN probes.saved IS 'File of the trained head in probe.save_heads';

INSERT INTO metric_names VALUES
    ('brier', 'classification', false, false),
    ('ece', 'classification', false, false),
    ('precision_micro', 'labels', true, false),
    ('recall_micro', 'labels', true, false),
    ('f1_micro', 'labels', true, false),
    ('brier', 'labels', false, false),
    ('ece', 'labels', false, false),
    ('kendalltau', 'regression', true, false);
