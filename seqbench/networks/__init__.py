"""Plain torch modules that heads are made of; they know no data set, no loss and no stage.

All take batches whose tokens (cells, pixels) stand last but one and channels last, with a mask that is True
where a token is real. What stands in padding, even NaN, changes nothing.

    attention_pooling  (B, T, H) → (B, H)       one learnt query, a weight a token
    light_attention    (B, T, H) → (B, 2 C)     a weight a token and channel, beside the largest value
    convolution        (B, T, H) → (B, T, C)    convolutions along the sequence
    shrinkage          (B, T, H) → (B, T', C)   residual blocks with learnt soft thresholds; 2-D as well
    set_transformer    (S, N, H) → (S, N, H)    members of a set attend to each other, in any order
    perceptron         (…, I) → (…, O)          linear maps, the output layer behind all of these
"""
