# A node in maintenance keeps its address until its peer has taken over, and takes it back as any better router afterwards.
node a priority=150 garp_master_delay=0s
node b priority=100 garp_master_delay=0s
run 10s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3414 ms  a announces 192.168.200.16 x5
  3414 ms  a MASTER
maintain a
run 20s
----
 10609 ms  b announces 192.168.200.16 x5
 10609 ms  b MASTER
 10609 ms  a BACKUP
resume a
run 5s
----
 33023 ms  a announces 192.168.200.16 x5
 33023 ms  a MASTER
 33023 ms  b BACKUP
 33023 ms  a announces 192.168.200.16 x1
