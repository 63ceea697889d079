"""The commands that pretended containers know, one family a file, and their table.

    true false echo printf cat date env printenv hostname id whoami uname sleep pwd ls test [ [[
    mkdir rm rmdir mv cp touch chmod chown tee head tail grep wc sort seq expr basename dirname tr
    cut awk sysctl tar wget curl nslookup dig getent nc ip, what well-known images run: agnhost
    agnhost-2 (most of what that image does, in a package of its own) nginx httpd-foreground pause
    nnp, and sh (or bash, ash), which has a package of its own: `shell`

There are no processes and no disk: they look at a small tree of files that a container has for as
long as it runs (`box`). What else is asked for is not found, as it would not be in an empty image.
A command that is asked for an option it does not know complains, and its code is 1 (or 2).
"""

from k8slite.kubelet.runtimes.commands.table import COMMANDS, run, run_known
from k8slite.kubelet.runtimes.shell.execution import NOT_FOUND

__all__ = ["COMMANDS", "NOT_FOUND", "run", "run_known"]
