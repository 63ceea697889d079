"""The real outside: processes, sockets, files and kills."""
