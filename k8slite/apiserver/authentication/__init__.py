"""Who asks: from what a request carries to a User.

In: the transport's verified certificate (or a component's own identity), headers of a front proxy,
a bearer token. Out: a User, or Unauthorized. Never here: what the user may do.

    authenticator             the order in which the ways are tried
    front_proxy               who asks in whose name
    sorts                     the sorts of tokens, in order
    web_tokens                signed claims
    service_account_tokens    tokens that are made on request, and expire
    legacy_tokens             tokens that are kept in Secrets
    token_uses                how often these were shown
    bootstrap_tokens          tokens that new nodes join with
    issued_tokens             tokens of other issuers;  json_web_keys  their signatures
    configuration             which issuers;  claims  what their tokens say of a user
    anonymous                 who may ask without proof
"""
