"""Who may do what.

In: a User and a RequestInfo. Out: yes or no and why, or Forbidden. Never here: who the user is.

    authorizer    the order of the rules, and how a refusal is worded
    node          what a kubelet may;  node_graph  what belongs to which node
    rbac          whose roles there are, as the store has them
    rules         what one rule allows
"""
