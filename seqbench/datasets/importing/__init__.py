"""Import of what people have into JSONL data sets, streamed: a source yields items, the rest is shared.

A source (FASTA, tables, BED or VCF with a genome, folders, Hugging Face data sets) is an iterator of records
with their places. `importing.import_dataset` keeps them in a scratch file while it learns what their labels
have in common, then writes the splits, checks them, and gives the folder its name only when all is well.
"""
