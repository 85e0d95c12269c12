"""Design-space exploration: a space, a sampler, workers, a store that resumes, and the table of results."""
