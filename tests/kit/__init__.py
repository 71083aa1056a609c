"""What every test may lean on: waiting, processes, network namespaces, a real etcd."""
