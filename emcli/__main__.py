"""`python -m emcli` is `emcli`."""

from emcli.cli.main import main

main()
