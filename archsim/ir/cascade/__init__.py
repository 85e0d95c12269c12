"""Cascades of einsums: attention, softmax and norms as named tensors, analysed, counted, computed; see README.md."""
