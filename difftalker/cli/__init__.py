"""The command `difftalker`: thin commands around the library, the only place in it that knows the project's folders."""
