"""The wire's behaviour, seen through memory streams and real loopback sockets."""
