# A node that starts in maintenance waits as the last of all, even one that was to start as master.
node a state=MASTER priority=255 garp_master_delay=0s boot=later
maintain a
node b priority=100 garp_master_delay=0s boot=later
boot a
boot b
run 10s
----
     0 ms  a BACKUP
     0 ms  b BACKUP
  3609 ms  b announces 192.168.200.16 x5
  3609 ms  b MASTER
resume a
run 5s
----
 12613 ms  a announces 192.168.200.16 x5
 12613 ms  a MASTER
 12613 ms  b BACKUP
 12613 ms  a announces 192.168.200.16 x1
