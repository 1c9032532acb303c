-- Labels of letters: a prediction is of a letter of an item.

ALTER TABLE predictions ADD COLUMN IF NOT EXISTS place INTEGER;
COMMENT ON COLUMN predictions.place IS 'Where labels are of letters, which of the item''s sequence, from 0; else NULL. Of letters only predictions of test are kept';
COMMENT ON TABLE predictions IS 'One row a probe, split, item (of labels of letters a letter) and output';

INSERT OR IGNORE INTO metric_names VALUES
    ('accuracy_per_sequence', 'classification', true, false),
    ('segment_f1', 'classification', true, false),
    ('accuracy_per_sequence', 'labels', true, false),
    ('rmse_per_sequence', 'regression', false, false),
    ('pearsonr_per_sequence', 'regression', true, false);
