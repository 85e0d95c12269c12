"""Makes ``python -m archsim.cli`` the same as ``archsim``."""

from archsim.cli import main

main()
