-- Lists of labels or targets may lack some: what is not known of an item is NULL.

ALTER TABLE predictions ALTER COLUMN target DROP NOT NULL;
COMMENT ON COLUMN predictions.target IS '1 or 0: the item is of this class or has this label; for regression the true value; NULL where it is not known';
COMMENT ON COLUMN class_metrics.support IS 'Items of the class, items that carry the label, or items of which a target is known';
