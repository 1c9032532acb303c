"""The command line with blocks of 2 KiB: small data sets then have many, to be killed in."""

import seqbench.store.layout as layout

layout.CHUNK_BYTES = layout.BLOCK_BYTES = layout.LARGEST_BLOCK_BYTES = 2048

if __name__ == "__main__":
    from seqbench.cli.main import main

    main()
