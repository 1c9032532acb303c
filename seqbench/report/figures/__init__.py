"""The figures of a report, drawn with matplotlib in one house style."""
