"""Tell me what this model needs, how fast it will be here, and what it costs over three years against an API."""
