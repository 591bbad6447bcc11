// Nothing was pushed.
