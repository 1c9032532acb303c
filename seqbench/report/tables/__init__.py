"""The tables of a report and the forms they are written in."""
