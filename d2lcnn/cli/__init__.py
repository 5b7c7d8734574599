"""The command line, `d2lcnn COMMAND …` or `python -m d2lcnn COMMAND …`: the top room, which may import all others.

A command is one file with a function `add(commands)`. It makes the command's parser with `add_command` (help, examples,
`--json`), adds its options, and names the function that does the work. That function takes the parsed options and
returns the exit status, 0 if all went well. `program.py` lists the commands. What they share:

* The result goes to standard output, with `--json` as one JSON document and nothing else; progress and messages go to
  standard error.
* An error that the user can mend is a ValueError or an OSError with a message; `main` prints it and gives 1. What argparse
  can see is wrong is refused with 2.
* Ctrl-C gives 130; a command that can go on later raises KeyboardInterrupt with words that say how.
"""

from d2lcnn.cli.program import main

__all__ = ["main"]
