"""What a data set's own files say against it: copies, leaks, contradictions and shortcuts."""
