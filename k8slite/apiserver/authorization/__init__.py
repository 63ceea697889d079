"""Who may do what.

In: a User and a RequestInfo. Out: nothing, or Forbidden. Never here: who the user is.

    authorizer    the rules
"""
