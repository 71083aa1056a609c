# A better router waits for preempt_delay after the first advert of the lesser one, then until the timer runs out.
node a priority=100 garp_master_delay=0s
run 4s
----
     0 ms  a BACKUP
  3609 ms  a announces 192.168.200.16 x5
  3609 ms  a MASTER
node b priority=200 preempt_delay=10s garp_master_delay=0s
run 20s
----
  4000 ms  b BACKUP
 16828 ms  b announces 192.168.200.16 x5
 16828 ms  b MASTER
 16828 ms  a BACKUP
 16828 ms  b announces 192.168.200.16 x1
