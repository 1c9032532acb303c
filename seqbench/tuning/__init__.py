"""What makes a checkpoint trainable: loaded as it is, adapters put in, saved in layouts that others open."""
