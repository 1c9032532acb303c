-- What heads of responses predict of each gene.

CREATE TABLE effects (
    probe_id BIGINT NOT NULL,
    perturbation VARCHAR NOT NULL,
    gene VARCHAR NOT NULL,
    predicted FLOAT NOT NULL,
    observed FLOAT NOT NULL
);
COMMENT ON TABLE effects IS 'One row a probe of responses, held-out perturbation of test and gene, of the genes that figures show';
COMMENT ON COLUMN effects.probe_id IS 'The probe';
COMMENT ON COLUMN effects.perturbation IS 'Its name in the cells';
COMMENT ON COLUMN effects.predicted IS 'Predicted change of mean expression from the controls; the mean over contexts';
COMMENT ON COLUMN effects.observed IS 'The change that the cells show; the mean over contexts';
