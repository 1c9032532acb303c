"""Plan of the work and its execution, task by task."""
