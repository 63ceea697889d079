"""A shell for pretended containers: POSIX's grammar, a few commands, no processes.

In: the text of a script, and what it finds around it (variables, files, streams). Out: what it
prints, its exit code, how long it takes. What it knows:

    simple commands with assignments before them; ; & && || ! | and newlines; # comments
    ( ) { } if while until for case, functions, break continue return
    > >> < 2> &> N>&M << <<- ; quotes, $NAME ${NAME-x :- = := + :+ ? :? # ## % %%} ${#NAME} $? $# $@
    $* $1 $$ $! $( ) ` ` $(( )), fields, patterns of file names
    : . cd eval exec exit export local read set (-e -u -x, --) shift trap (EXIT TERM INT) unset wait

and the commands of `k8slite.kubelet.runtimes.commands`. A text with anything else is NotShell.
Commands take no time, but for sleep; so that a loop without one ends no world, every thousandth
takes a second. Never here: real processes, real files.

    tree            the grammar's values
    lexer, parser   text -> tree
    arithmetic      $(( ))
    patterns        of case and of file names
    expansion       a word of the tree -> words of a command
    state           variables, functions, options of one shell
    streams         redirections and pipes
    builtins        commands that change the state
    execution       the tree -> an exit code
    understanding   whether all of a text's commands are known
"""
