-- What outputs and items are called: names of classes, labels and targets, and the items' own ids.

ALTER TABLE datasets ADD COLUMN class_names VARCHAR[];
COMMENT ON COLUMN datasets.class_names IS 'Names of outputs 0, 1 … (classes, labels or targets); NULL where they have none';

-- No index, as audit_items: a data set has a million rows and more.
CREATE TABLE items (
    dataset VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    split VARCHAR NOT NULL,
    item INTEGER NOT NULL,
    id VARCHAR NOT NULL
);
COMMENT ON TABLE items IS 'One row an item that has an id of its own in the files of its data set';
COMMENT ON COLUMN items.sha256 IS 'As datasets.sha256: the files that the ids were read from';
COMMENT ON COLUMN items.item IS 'Row of the item in its split, from 0';
COMMENT ON COLUMN items.id IS 'What stands under id (or name, or the entry''s id_key) in its line';
