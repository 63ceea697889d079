"""CEL, the Common Expression Language, as Kubernetes has it.

In: a text and the types of its variables. Out: an expression that knows its own type and what it
can cost, and gives a value. Text becomes a tree (`parser`, `macros`), the tree gets types
(`checker`, by the functions of `library`), then a closure that adds up what it costs
(`evaluation`); `estimate` says beforehand what it may cost at most. Values are plain Python where
Python has them, and classes in `values` where it has not.

Nothing here knows of objects, schemas or requests; nothing waits, and nothing goes on for ever:
every step of an evaluation is paid for out of a budget.

Upstream: `github.com/google/cel-go` (parser, checker, interpreter) with the options and libraries
of `apiserver/pkg/cel/environment`.
"""
