# With no peer a node in maintenance stays master, and even a peer that would not preempt it gets its chance.
node a priority=150 garp_master_delay=0s
run 10s
----
     0 ms  a BACKUP
  3414 ms  a announces 192.168.200.16 x5
  3414 ms  a MASTER
maintain a
run 25s
----
node b priority=100 nopreempt=yes garp_master_delay=0s
run 15s
----
 35000 ms  b BACKUP
 39609 ms  b announces 192.168.200.16 x5
 39609 ms  b MASTER
 39609 ms  a BACKUP
stop b
run 5s
----
 50000 ms  b STOP
 52000 ms  a announces 192.168.200.16 x5
 52000 ms  a MASTER
