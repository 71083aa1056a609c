# The runner dies: the last result stands for ten seconds, then the script counts as failed until somebody reports again.
node a priority=150 garp_master_delay=0s boot=later track=chk
script a chk interval=1s
boot a
node b priority=100 garp_master_delay=0s
result a chk ok
run 9s
----
     0 ms  b BACKUP
     0 ms  a BACKUP
  3414 ms  a announces 192.168.200.16 x5
  3414 ms  a MASTER
run 9s
----
 10000 ms  a FAULT
 10609 ms  b announces 192.168.200.16 x5
 10609 ms  b MASTER
result a chk ok
run 5s
----
 18000 ms  a BACKUP
 21414 ms  a announces 192.168.200.16 x5
 21414 ms  a MASTER
 21414 ms  b BACKUP
 21414 ms  a announces 192.168.200.16 x1
