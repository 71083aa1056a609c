"""keepalived.conf: text -> lines -> tree -> keys of the configuration store, with the place of everything that is wrong."""
