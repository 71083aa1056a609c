# A better router that comes later leaves the master alone, and takes over when that one is gone.
node a priority=100 garp_master_delay=0s
run 4s
----
     0 ms  a BACKUP
  3609 ms  a announces 192.168.200.16 x5
  3609 ms  a MASTER
node b priority=200 nopreempt=yes garp_master_delay=0s
run 10s
----
  4000 ms  b BACKUP
stop a
run 2s
----
 14000 ms  a STOP
 14218 ms  b announces 192.168.200.16 x5
 14218 ms  b MASTER
