"""What a shop asks for besides telling its events: each kind a file, whose coroutine goes on until all is asked."""
