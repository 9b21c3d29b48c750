"""Tables of twins, in the order they came to be."""
