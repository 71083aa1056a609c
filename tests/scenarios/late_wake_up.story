# A frozen master wakes up after the other took over: it listens before it speaks, and becomes master by election.
node a priority=200 garp_master_delay=0s
node b priority=100 garp_master_delay=0s
run 5s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3218 ms  a announces 192.168.200.16 x5
  3218 ms  a MASTER
freeze a
run 6s
----
  7828 ms  b announces 192.168.200.16 x5
  7828 ms  b MASTER
thaw a
run 6s
----
 11000 ms  a BACKUP
 14218 ms  a announces 192.168.200.16 x5
 14218 ms  a MASTER
 14218 ms  b BACKUP
 14218 ms  a announces 192.168.200.16 x1
