"""A finished run's model in the form that another program wants."""
