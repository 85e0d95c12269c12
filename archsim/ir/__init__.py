"""The language every layer speaks: graphs of operators, designs of components, mappings, reports. Frozen data."""
