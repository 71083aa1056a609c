# kill -9 of the master costs the master-down interval of the backup; the better one comes back by being heard no more.
node a priority=200 garp_master_delay=0s
node b priority=100 garp_master_delay=0s
run 5s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3218 ms  a announces 192.168.200.16 x5
  3218 ms  a MASTER
kill a
run 5s
----
  7828 ms  b announces 192.168.200.16 x5
  7828 ms  b MASTER
start a
run 5s
----
 10000 ms  a BACKUP
 13218 ms  a announces 192.168.200.16 x5
 13218 ms  a MASTER
 13218 ms  b BACKUP
 13218 ms  a announces 192.168.200.16 x1
