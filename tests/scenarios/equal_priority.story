# Two masters of the same priority after a partition: the higher address stays.
node a priority=100 garp_master_delay=0s
cut a
run 5s
----
     0 ms  a BACKUP
  3609 ms  a announces 192.168.200.16 x5
  3609 ms  a MASTER
node b priority=100 garp_master_delay=0s
run 5s
----
  5000 ms  b BACKUP
  8609 ms  b announces 192.168.200.16 x5
  8609 ms  b MASTER
heal a
run 3s
----
 10609 ms  b announces 192.168.200.16 x5
 10609 ms  b MASTER_RX_LOWER_PRI
 10609 ms  a BACKUP
