"""One file per provider: where it is, how it signs, which shape it speaks, what its errors mean."""
