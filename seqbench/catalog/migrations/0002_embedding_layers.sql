-- What is known of each stored layer: agreement of the strands, and what storing it as float16 cost.

CREATE TABLE embedding_layers (
    model VARCHAR NOT NULL,
    dataset VARCHAR NOT NULL,
    split VARCHAR NOT NULL,
    layer INTEGER NOT NULL,
    strand_consistency DOUBLE,
    rounding_error DOUBLE,
    PRIMARY KEY (model, dataset, split, layer)
);
COMMENT ON TABLE embedding_layers IS 'One row a model, data set, split and layer that is complete in the store';
COMMENT ON COLUMN embedding_layers.strand_consistency IS 'Mean cosine between the embeddings of a sequence and of its reverse complement; NULL where one strand was embedded';
COMMENT ON COLUMN embedding_layers.rounding_error IS 'Error of storing as float16, relative to the largest value of the item; NULL where float32 is stored';
