"""Fine-tuning: a checkpoint and a head trained together on a labelled data set."""
