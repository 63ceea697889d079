"""Admission: what a cluster adds to a write, or refuses, beyond the kind's own rules.

In: Attributes of a write. Out: changes of the new object, or an ApiError. Never here: the
store's writes.

    plugins                   which there are, in which order; chain, how they are asked
    refusal                   how they say no
    namespace_lifecycle       nothing is created in a namespace that is absent or terminating
    service_account           every pod has an account and its token volume
    toleration                every pod tolerates a failing node for five minutes
    priority                  a pod's priority from its class
    limit_ranger              what containers ask for where they do not say, and what they may
    resource_quota            what a namespace may have together
    storage, ingress_class    default classes (default_class), growth, protection while in use
    runtime_class             what a runtime costs, and where it can run
    certificates              who asks for certificates, approves and signs
    pod_security              how restricted a namespace's pods must be (pod_security_labels)
    role_escalation           nobody gives away rights that they do not have
    node_restriction          a kubelet writes its own, and nothing else (node_labels, node_tokens)
    matching                  which writes webhooks and policies are about
    webhooks, webhook_review  other people's servers that change or refuse
    expression_variables      what expressions about a write may name, and what they may cost
    reinvocation              who is asked again after later changes; putting_back, what was changed
    policy_invocations        which policies are asked, bound how, with which parameters
    validating_policies       policies that refuse
    mutating_policies         policies that change (policy_patches)
    taint_nodes               a new node is not ready before it says so
"""
