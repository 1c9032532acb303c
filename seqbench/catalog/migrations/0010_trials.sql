-- What searches tried before a model was trained with the settings that were chosen.

CREATE TABLE trials (
    study VARCHAR NOT NULL,
    number INTEGER NOT NULL,
    run_id VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    encoder VARCHAR NOT NULL CHECK (encoder IN ('lora', 'full')),
    method VARCHAR NOT NULL CHECK (method IN ('grid', 'random', 'tpe')),
    settings JSON NOT NULL,
    state VARCHAR NOT NULL CHECK (state IN ('done', 'pruned', 'failed')),
    metric VARCHAR NOT NULL,
    higher_is_better BOOLEAN NOT NULL,
    score DOUBLE,
    points DOUBLE[] NOT NULL,
    steps BIGINT NOT NULL,
    seconds DOUBLE NOT NULL,
    error VARCHAR,
    recorded_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE trials IS 'One row a trial of a search: settings that were tried, judged on eval';
COMMENT ON COLUMN trials.study IS 'Hash of all that the trials of a search have in common';
COMMENT ON COLUMN trials.number IS 'From 0, in the order in which they were drawn; once a study';
COMMENT ON COLUMN trials.dataset IS 'Data set, without a target where several are trained together';
COMMENT ON COLUMN trials.encoder IS 'lora or full';
COMMENT ON COLUMN trials.method IS 'grid, random or tpe';
COMMENT ON COLUMN trials.settings IS 'What was tried, by key: {"lr": 1e-5, "lora.rank": 8}';
COMMENT ON COLUMN trials.state IS 'done, pruned (given up, as earlier ones did better at the same point) or failed';
COMMENT ON COLUMN trials.metric IS 'What it is judged by on eval';
COMMENT ON COLUMN trials.score IS 'On eval, at its best point; NULL where it failed';
COMMENT ON COLUMN trials.points IS 'Scores on eval as training went on';
COMMENT ON COLUMN trials.steps IS 'Steps of the optimiser until it ended';
COMMENT ON COLUMN trials.seconds IS 'Of training and evaluating';
COMMENT ON COLUMN trials.error IS 'Why it failed; NULL elsewhere';
