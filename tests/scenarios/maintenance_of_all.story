# When all are in maintenance one of them goes on, undisturbed by the others; when it stops, another is there.
node a priority=150 garp_master_delay=0s
node b priority=100 garp_master_delay=0s
run 10s
maintain b
maintain a
run 60s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3414 ms  a announces 192.168.200.16 x5
  3414 ms  a MASTER
stop a
run 10s
----
 70000 ms  a STOP
 72000 ms  b announces 192.168.200.16 x5
 72000 ms  b MASTER
