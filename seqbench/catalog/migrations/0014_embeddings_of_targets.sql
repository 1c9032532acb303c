-- Targets of a data set share its embeddings, which have one row under the data set's own name.

INSERT INTO embeddings BY NAME
SELECT DISTINCT ON (model, base, split) one.* EXCLUDE (dataset, base), base AS dataset
FROM (FROM embeddings SELECT *, split_part(dataset, '/', 1) AS base WHERE contains(dataset, '/')) one
WHERE (model, base, split) NOT IN (SELECT (model, dataset, split) FROM embeddings)
ORDER BY seconds DESC, one.dataset;

INSERT INTO embedding_layers BY NAME
SELECT DISTINCT ON (model, base, split, layer) one.* EXCLUDE (dataset, base), base AS dataset
FROM (FROM embedding_layers SELECT *, split_part(dataset, '/', 1) AS base WHERE contains(dataset, '/')) one
WHERE (model, base, split, layer) NOT IN (SELECT (model, dataset, split, layer) FROM embedding_layers)
ORDER BY one.dataset;

DELETE FROM embeddings WHERE contains(dataset, '/');
DELETE FROM embedding_layers WHERE contains(dataset, '/');

COMMENT ON TABLE embeddings IS 'One row a model, data set and split that is complete in the store; targets of a data set share it';
COMMENT ON COLUMN embeddings.dataset IS 'The data set, never one of its targets: join with split_part(dataset, ''/'', 1)';
