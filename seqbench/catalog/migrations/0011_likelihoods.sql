-- What language models make of held-out documents.

-- No index, as trainings.
CREATE TABLE likelihoods (
    key VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    base VARCHAR,
    step BIGINT,
    corpus VARCHAR NOT NULL,
    documents_sha256 VARCHAR NOT NULL,
    is_watched BOOLEAN NOT NULL,
    symbol VARCHAR NOT NULL CHECK (symbol IN ('base', 'residue', 'character')),
    objective VARCHAR NOT NULL CHECK (objective IN ('mlm', 'clm')),
    n_documents BIGINT NOT NULL,
    n_letters BIGINT NOT NULL,
    bits DOUBLE NOT NULL,
    low DOUBLE,
    high DOUBLE,
    n_tokens BIGINT NOT NULL,
    token_perplexity DOUBLE NOT NULL,
    seconds DOUBLE NOT NULL,
    device VARCHAR NOT NULL,
    settings JSON NOT NULL,
    finished_at TIMESTAMP NOT NULL
);
COMMENT ON TABLE likelihoods IS 'One row a language model and corpus: bits a letter on held-out documents, on letters that are the same for all models';
COMMENT ON COLUMN likelihoods.key IS 'Hash of weights, documents and settings; once each';
COMMENT ON COLUMN likelihoods.fingerprint IS 'Of the weights, as models.fingerprint';
COMMENT ON COLUMN likelihoods.base IS 'Model that it was adapted from; NULL for one that the config names';
COMMENT ON COLUMN likelihoods.step IS 'Steps of the adaptation that made it; NULL for one that the config names';
COMMENT ON COLUMN likelihoods.documents_sha256 IS 'Of the documents'' parts that were scored, and of which letters were asked for: bits compare where it is equal';
COMMENT ON COLUMN likelihoods.is_watched IS 'Whether the corpus is only watched for what is forgotten, and trained on by no adaptation of the config';
COMMENT ON COLUMN likelihoods.symbol IS 'What a letter is: base, residue or character';
COMMENT ON COLUMN likelihoods.objective IS 'mlm: hidden letters given all others; clm: all letters by the chain rule. The two don''t compare';
COMMENT ON COLUMN likelihoods.n_letters IS 'Letters that were scored';
COMMENT ON COLUMN likelihoods.bits IS 'Bits a letter: the mean over all letters that were scored; less is better';
COMMENT ON COLUMN likelihoods.low IS 'Lower end of the 95 % interval over documents (bootstrap); NULL for a single document';
COMMENT ON COLUMN likelihoods.high IS 'Upper end of the interval';
COMMENT ON COLUMN likelihoods.n_tokens IS 'Tokens that were asked for';
COMMENT ON COLUMN likelihoods.token_perplexity IS 'Perplexity a token; of models with one tokenizer it compares, across tokenizers it does not';
COMMENT ON COLUMN likelihoods.settings IS 'How documents were cut and letters hidden';

CREATE TABLE likelihood_documents (
    key VARCHAR NOT NULL,
    document BIGINT NOT NULL,
    n_letters BIGINT NOT NULL,
    bits DOUBLE NOT NULL
);
COMMENT ON TABLE likelihood_documents IS 'One row a held-out document that a language model was scored on, for paired tests';
COMMENT ON COLUMN likelihood_documents.key IS 'likelihoods.key';
COMMENT ON COLUMN likelihood_documents.document IS 'Row of the corpus, from 0';
COMMENT ON COLUMN likelihood_documents.n_letters IS 'Letters of it that were scored';
COMMENT ON COLUMN likelihood_documents.bits IS 'Bits for all of them together';
