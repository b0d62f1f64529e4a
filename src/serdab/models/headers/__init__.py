"""What a model is, read from the heads of its files: shapes and sizes without the weights."""
