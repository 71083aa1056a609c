# More addresses and another priority take effect at once, without an election of what stays the same.
node a priority=200 garp_master_delay=0s
node b priority=100 garp_master_delay=0s
run 5s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3218 ms  a announces 192.168.200.16 x5
  3218 ms  a MASTER
set a VI_1 addresses=192.168.200.16,192.168.200.17
run 2s
----
  5000 ms  a announces 192.168.200.17 x5
set a VI_1 priority=50
run 5s
----
  9828 ms  b announces 192.168.200.16 x5
  9828 ms  b MASTER
  9828 ms  a BACKUP
  9828 ms  b announces 192.168.200.16 x1
