"""The composition root: settings become a database, engines, workers and one tree of processes."""
