"""What runs containers: `runtime` is the contract, every other runtime module keeps it.

In: orders to start and stop containers. Out: reports of what became of them, logs. Never here: the
API, restart policies, statuses.

    runtime       the contract
    fake          containers that only pretend, each playing a script: which ones there are
    playing       what happens in one, from its image to its end;  fake_run  one run, its log
    reaching      what comes from outside into a running one: commands, its streams, its ports
    pretending    what such a container does when somebody reaches into it: commands, ports
    program       a container that is a coroutine;  hosting, probing  where it runs, what asks it
    stages        KWOK's Stages as scripts (pure); stage_..., go_template, jq_path are its parts
    leaving       what is done with pods when they are deleted
    stage_delay   when one is played;  stage_choice  which of several
    rules         which containers play which script, said from Python
    commands      the few commands that it knows;  shell  their grammar (pure)
    session       what a command is connected to
    script        what such a container does, as a value (pure)
    ports         what answers at those of one that plays a script
    network       who listens where, in this process;  reach  how a node gets there;  hooks
    resolving     names as a container's files say (pure);  host_files  those files (pure)
    annotations   a script out of a pod's annotations (pure)
    container_log which lines of a log are asked for (pure)
"""
