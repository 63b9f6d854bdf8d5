"""The SQL registry of structures, datasets, jobs and potentials, and the artifact store."""
