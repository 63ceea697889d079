"""Who asks: from what a request carries to a User.

In: the transport's verified certificate (or a component's own identity), a bearer token. Out: a
User, or Unauthorized. Never here: what the user may do.

    authenticator             the order in which the ways are tried
    service_account_tokens    tokens that this cluster issues and recognizes
"""
