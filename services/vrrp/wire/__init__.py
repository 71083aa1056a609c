"""What is on the wire: adverts, how they are sealed, and the sockets they come and go by."""
