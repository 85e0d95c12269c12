"""RTL bodies, one module per unit, named as its kind."""
