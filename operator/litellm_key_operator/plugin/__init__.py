"""`kubectl llkey`: the keys as people see and handle them, with their own rights and without the operator's."""
