"""What the kinds of jobs do: one file a kind, each a plain function of its work."""
