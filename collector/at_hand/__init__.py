"""The model of a run at hand: a process that holds it and answers questions about its images."""
