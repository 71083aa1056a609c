# The successor comes after a peer may have taken over: it listens first.
node a priority=200 nopreempt=yes garp_master_delay=0s
node b priority=100 garp_master_delay=0s
run 5s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3218 ms  a announces 192.168.200.16 x5
  3218 ms  a MASTER
kill a
run 4s
start a
run 10s
----
  7828 ms  b announces 192.168.200.16 x5
  7828 ms  b MASTER
  9000 ms  a BACKUP
