"""Are the servers behind the virtual services healthy? An agent, and one probe worker per core."""
