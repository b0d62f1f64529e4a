"""`python -m serdab.cli`: how our own processes are started."""

from serdab.cli.application import main

main()
