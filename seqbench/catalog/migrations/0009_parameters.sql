-- How large a head is, to set what it scores against what it took.

ALTER TABLE probes ADD COLUMN parameters BIGINT;
COMMENT ON COLUMN probes.parameters IS 'Numbers that training changed: of the head, or of encoder and head for lora and full; NULL for trees, neighbours and rows of all folds, and where recorded by an older version';
